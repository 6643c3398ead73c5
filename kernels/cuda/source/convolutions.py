"""Sources of convolutions on a GPU: what a thread does for element `place` of the result.

`$first` is where a sum begins, at 0 or at the bias.
"""

from __future__ import annotations

CONVOLVED = """
        o = place // (ow * oh * od) % (groups * outputs)
        i = place // (ow * oh * od) // (groups * outputs)
        total = $first
        for c in range(channels):
            image = (i * groups + o // outputs) * channels + c
            for a in range(kd):
                z = place // (ow * oh) % od * sd + a * ld - pd
                for b in range(kh):
                    q = place // ow % oh * sh + b * lh - ph
                    if z >= 0 and z < d and q >= 0 and q < h:
                        row = ((image * d + z) * h + q) * w
                        tap = (((o * channels + c) * kd + a) * kh + b) * kw
                        for e in range(kw):
                            p = place % ow * sw + e * lw - pw
                            if p >= 0 and p < w:
                                total += weight[tap + e] * x[row + p]
        y[place] = total
"""

SPREAD_OUT = """
        c = place // (w * h * d) % (groups * channels)
        i = place // (w * h * d) // (groups * channels)
        total = $first
        for o in range(c // channels * outputs, (c // channels + 1) * outputs):
            for tap in range(kd * kh * kw):
                z = place // (w * h) % d + pd - tap // (kh * kw) * ld
                q = place // w % h + ph - tap // kw % kh * lh
                p = place % w + pw - tap % kw * lw
                if z >= 0 and q >= 0 and p >= 0 and z % sd == 0 and q % sh == 0 and p % sw == 0:
                    z, q, p = z // sd, q // sh, p // sw
                    if z < od and q < oh and p < ow:
                        at = (((i * groups * outputs + o) * od + z) * oh + q) * ow + p
                        total += weight[(o * channels + c % channels) * kd * kh * kw + tap] * y[at]
        x[place] = total
"""

# Rows of windows are shared out among segments.
CORRELATED = """
        segment = place // size_of_weight
        tap = place % (kd * kh * kw)
        c = place // (kd * kh * kw) % channels
        o = place // (kd * kh * kw * channels) % (groups * outputs)
        rows = images * od * oh
        total = np.$dtype(0)
        for row in range(rows * segment // segments, rows * (segment + 1) // segments):
            i = row // (od * oh)
            z = row // oh % od * sd + tap // (kh * kw) * ld - pd
            q = row % oh * sh + tap // kw % kh * lh - ph
            if z >= 0 and z < d and q >= 0 and q < h:
                image = (i * groups + o // outputs) * channels + c
                at = ((i * groups * outputs + o) * od * oh + row % (od * oh)) * ow
                for j in range(ow):
                    p = j * sw + tap % kw * lw - pw
                    if p >= 0 and p < w:
                        total += y[at + j] * x[((image * d + z) * h + q) * w + p]
        sums[place] = total
"""

TOTALS = """
        total = np.$dtype(0)
        for segment in range(segments):
            total += sums[segment * size + place]
        weight[place] = total
"""
