"""REINFORCE: a policy learns to balance a pole on a cart, from rewards alone (Williams 1992)."""

import math
import sys

import microgrest as torch
from microgrest import nn
from microgrest.distributions import Categorical

CARTS, LENGTH = 32, 100


class CartPole:
    """Many carts at once, each with a pole of 1 m and 0.1 kg that is pushed left or right.

    State (n, 4): place, speed, angle, its speed. A pole has fallen beyond 12 degrees, or 2.4 m.
    """

    def reset(self, n):
        self.state = 0.1 * torch.rand(n, 4) - 0.05
        return self.state

    def step(self, action, gravity=9.8, mass=1.1, pole=0.05, half=0.5, dt=0.02):
        """Push with 10 N for 20 ms: the new state, and whether the pole still stands."""
        x, speed, angle, turn = self.state.unbind(1)
        push = (20.0 * action - 10.0 + pole * turn**2 * angle.sin()) / mass
        twist = gravity * angle.sin() - angle.cos() * push
        twist = twist / (half * (4 / 3 - pole * angle.cos() ** 2 / mass / half))
        pull = push - pole * twist * angle.cos() / mass
        self.state = torch.stack(
            [x + dt * speed, speed + dt * pull, angle + dt * turn, turn + dt * twist], 1
        )
        return self.state, (angle.abs() < math.radians(12)) & (x.abs() < 2.4)


def play(policy, world):
    """States (LENGTH, CARTS, 4), actions, and whether the pole stood before each."""
    state, stands = world.reset(CARTS), torch.ones(CARTS, dtype=torch.bool)
    played = []
    for _ in range(LENGTH):
        with torch.no_grad():
            action = Categorical(logits=policy(state)).sample()
        played.append((state, action, stands))
        state, upright = world.step(action)
        stands = stands & upright
    return map(torch.stack, zip(*played, strict=True))


def main(rounds=60, compiled=False, plot=False):
    torch.manual_seed(0)
    policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)

    def learn(states, actions, weights):
        optimizer.zero_grad()
        # What was followed by more than usual becomes likelier.
        loss = -(Categorical(logits=policy(states)).log_prob(actions) * weights).mean()
        loss.backward()
        optimizer.step()

    learn = torch.compile(learn) if compiled else learn
    world, lengths = CartPole(), []
    for t in range(rounds):
        states, actions, stands = play(policy, world)
        reward = stands.float()
        following = reward.flip(0).cumsum(0).flip(0)  # how long each pole will stand from there on
        usual = following.sum(1, keepdim=True) / reward.sum(1, keepdim=True).clamp(min=1)
        learn(states, actions, (following - usual) * reward / LENGTH)
        lengths.append(reward.sum(0).mean().item())
        if t % 10 == 9:
            print(f"round {t + 1}: poles stand for {lengths[-1]:.1f} of {LENGTH} steps")
    if plot:
        import matplotlib.pyplot as plt

        plt.plot(lengths)
        plt.xlabel("round")
        plt.ylabel("steps that poles stand")
        plt.show()
    return {"first": lengths[0], "last": sum(lengths[-5:]) / len(lengths[-5:])}


if __name__ == "__main__":
    main(plot="--plot" in sys.argv)
