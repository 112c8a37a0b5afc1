"""The statistics of a gate, in the standard library alone. Each names its source and where it is wrong.

Confidence is two-sided: an interval at 0.90 leaves 5 % on each side, so each of its ends is a one-sided test
at 5 %. Everything is a share of 1; reports multiply by 100 and say "points".
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

CONFIDENCE = 0.90
POWER = 0.80
# Above this many units all sign patterns are too many to list (2^14 is 16 ms), so they are drawn.
_LISTED_UNITS = 14
_DRAWN_PATTERNS = 20_000


@dataclass(frozen=True)
class Interval:
    """Both ends included."""

    low: float
    high: float


def normal_quantile(confidence: float = CONFIDENCE) -> float:
    """The two-sided normal quantile: 1.645 at 90 %."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def tango_interval(better: float, worse: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Score interval for the difference of two paired shares: `better` − `worse` cases out of `n`.

    Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17 (1998). Fractional counts are allowed, for planning. Wrong when cases
    are clustered (too narrow), and a little liberal below n = 30 when all flips go one way: with a true drop
    just below the bound for no flips, at n = 20 that bound is reached 8 % of the time, not 5 %.
    """
    z = normal_quantile(confidence)
    estimate = (better - worse) / n

    def score(difference: float) -> float:
        variance = n * (2 * _tango_worse(better, worse, n, difference) + difference * (1 - difference))
        gap = better - worse - n * difference
        return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap) if gap else 0.0

    # The score falls as the supposed difference grows, so each end is one crossing.
    low = _crossing(lambda d: score(d) <= z, -1.0, estimate)
    high = _crossing(lambda d: score(d) <= -z, estimate, 1.0)
    return Interval(low, high)


def _tango_worse(better: float, worse: float, n: float, difference: float) -> float:
    """The most likely share of flips for the worse, given the supposed difference (Tango 1998, eq. 7)."""
    a = 2 * n
    b = -better - worse + (2 * n - better + worse) * difference
    c = -worse * difference * (1 - difference)
    share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    return max(share, 0.0, -difference)


def _crossing(is_beyond: Callable[[float], bool], low: float, high: float) -> float:
    """The point in [low, high] where `is_beyond` turns from false to true, to 1e-12."""
    if is_beyond(low):
        return low
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return high


def clopper_pearson(right: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Exact interval for a share of independent pass/fail cases.

    Clopper & Pearson, Biometrika 26 (1934). Never covers less than it says, so a floor it proves is proved;
    the price is width. Wrong when cases are clustered (too narrow): use `mean_interval` over clusters.
    """
    tail = (1 - confidence) / 2
    # P(X >= k | p) is the regularised incomplete beta I_p(k, n - k + 1), rising in p.
    low = 0.0 if right == 0 else _crossing(lambda p: beta_cdf(p, right, n - right + 1) >= tail, 0.0, 1.0)
    high = 1.0 if right == n else _crossing(lambda p: beta_cdf(p, right + 1, n - right) >= 1 - tail, 0.0, 1.0)
    return Interval(low, high)


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Student's t interval for the mean of independent units, one value a unit (a cluster's mean).

    Miller, "Adding Error Bars to Evals" (arXiv 2411.00640), with clusters − 1 degrees of freedom.
    It is never narrower on either side than a score interval that has seen no flip in as many units,
    z²/(n + z²): units that all agree have no spread, and no spread is not certainty. Wrong when few units
    carry most of the cases.
    """
    deviation = stdev(values) if len(values) > 1 else None
    return interval_of_mean(fmean(values), deviation, len(values), confidence)


def interval_of_mean(
    mean: float, deviation: float | None, n: int, confidence: float = CONFIDENCE
) -> Interval:
    """`mean_interval` of n units of which only the mean and the sample standard deviation are at hand.

    `deviation` is None below two units, which prove nothing.
    """
    z_squared = normal_quantile(confidence) ** 2
    spread = (
        math.inf if deviation is None else t_quantile(0.5 + confidence / 2, n - 1) * deviation / math.sqrt(n)
    )
    half = max(spread, z_squared / (n + z_squared))
    return Interval(max(mean - half, -1.0), min(mean + half, 1.0))


def mcnemar_exact(better: int, worse: int) -> float:
    """One-sided p-value that flips for the worse are no likelier than for the better.

    McNemar, Psychometrika 12 (1947), in its exact binomial form: given how many cases flipped, the worse ones
    are fair coin throws when nothing changed. Conservative with few flips (5 of 5 is the first p below 5 %).
    """
    flips = better + worse
    return sum(math.comb(flips, k) for k in range(worse, flips + 1)) / (1 << flips)


def sign_flip(differences: Sequence[float]) -> float:
    """One-sided p-value that the mean difference is not negative, by flipping the signs of the units.

    Fisher's randomisation test (The Design of Experiments, 1935): all patterns up to 14 units, else 20,000
    drawn with a fixed seed, counting the observed one. Wrong when differences are far from symmetric.
    """
    moved = [abs(d) for d in differences if d]
    observed = sum(differences)
    if len(moved) <= _LISTED_UNITS:
        totals = [sum(pattern) for pattern in itertools.product(*((size, -size) for size in moved))]
    else:
        draw = random.Random(0)
        totals = [sum(size * draw.choice((1, -1)) for size in moved) for _ in range(_DRAWN_PATTERNS)] + [
            observed
        ]
    return sum(total <= observed + 1e-12 for total in totals) / len(totals)


def fisher_exact(first: int, of_first: int, second: int, of_second: int) -> float:
    """Two-sided p-value that two shares, first/of_first and second/of_second, are the same.

    Fisher 1935: the tables at most as likely as the one seen, given the margins. Wrong for paired cases (it
    ignores the pairing), which for missing answers errs towards not seeing a difference.
    """
    total, taken = of_first + of_second, first + second
    chances = [
        math.exp(_log_choose(of_first, k) + _log_choose(of_second, taken - k) - _log_choose(total, taken))
        for k in range(max(0, taken - of_second), min(of_first, taken) + 1)
    ]
    seen = chances[first - max(0, taken - of_second)]
    return min(1.0, sum(chance for chance in chances if chance <= seen * (1 + 1e-9)))


def smallest_margin(n: int, flipping: float) -> float:
    """The smallest margin that n units pass in 80 % of runs when nothing changed but this share flips.

    The power of Tango's score test: δ·√n = 1.645·√v₀ + 0.842·√v₁, with v₁ = `flipping`, the variance when
    nothing changed, and v₀ the one Tango supposes at −δ (Liu et al., Statistics in Medicine 21, 2002). The
    shorter n = 6.18·s²/δ² puts s² for both: it promises 80 % where Tango passes 71 % (n = 124, 5 points, 5 %
    flipping), and with no flips at all it promises anything.
    """
    z_alpha, z_beta = normal_quantile(), NormalDist().inv_cdf(POWER)

    def passes(margin: float) -> bool:
        supposed = 2 * _tango_worse(flipping / 2, flipping / 2, 1, -margin) - margin * (1 + margin)
        return margin * math.sqrt(n) >= z_alpha * math.sqrt(max(supposed, 0.0)) + z_beta * math.sqrt(flipping)

    return _crossing(passes, 1e-9, 1.0)


def t_quantile(p: float, degrees: int) -> float:
    """Student's t quantile for p above one half, by bisection on its distribution function."""
    return _crossing(
        lambda t: 1 - beta_cdf(degrees / (degrees + t * t), degrees / 2, 0.5) / 2 >= p, 0.0, 1000.0
    )


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction.

    Press et al., Numerical Recipes, 3rd ed., section 6.4. Good to about 1e-12 for a and b up to a million.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _beta_fraction(1 - x, b, a) / b
    return front * _beta_fraction(x, a, b) / a


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return fraction


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
