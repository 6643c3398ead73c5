"""Where operations are recorded and where they are not: contexts, decorators and calls."""

import threading

import microgrest as torch

x = torch.tensor([1.0, 2.0], requires_grad=True)

with torch.no_grad():
    print("in no_grad:", (x * 2).requires_grad)
    with torch.enable_grad():
        print("in enable_grad within it:", (x * 2).requires_grad)
    print("back in no_grad:", (x * 2).requires_grad)
print("outside:", (x * 2).requires_grad)


@torch.no_grad()
def doubled(tensor):
    return tensor * 2


@torch.enable_grad()
def tripled(tensor):
    return tensor * 3


print("no_grad as a decorator:", doubled(x).requires_grad)
with torch.no_grad():
    print("enable_grad as a decorator:", tripled(x).requires_grad)

torch.set_grad_enabled(False)
print("after set_grad_enabled(False):", (x * 2).requires_grad, torch.is_grad_enabled())
torch.set_grad_enabled(True)
print("after set_grad_enabled(True):", (x * 2).requires_grad, torch.is_grad_enabled())

for training in (True, False):
    with torch.set_grad_enabled(training):
        print(f"set_grad_enabled({training}) as a context:", (x * 2).requires_grad)

with torch.inference_mode():
    print("in inference_mode:", (x * 2).requires_grad, torch.is_inference_mode_enabled())

# A mode holds in the thread that set it
seen = []
with torch.no_grad():
    thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
    thread.start()
    thread.join()
print("another thread while this one is in no_grad:", seen[0])
