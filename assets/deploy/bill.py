"""The bill of an assistant, from the prices in the table beside it.

    python assets/deploy/bill.py --tokens-per-second 60 [--utilisation 0.3] [--prompt 300]
        [--answer 150] [--requests-an-hour 20] [--keep 300] [--start 60]

Give what you measured on the machine that the prices are for. Change the table: it is yours.
"""

import argparse

from course_lib.serving.cost import (
    break_even,
    copy_bandwidth,
    per_million_tokens,
    read_prices,
    scale_to_zero,
)
from course_lib.workbook.display import Table

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--tokens-per-second", type=float, required=True)
parser.add_argument("--utilisation", type=float, default=0.3, help="part of the time with work")
parser.add_argument("--prompt", type=int, default=300, help="tokens in a request")
parser.add_argument("--answer", type=int, default=150, help="tokens in an answer")
parser.add_argument("--requests-an-hour", type=float, default=20)
parser.add_argument("--keep", type=float, default=300, help="seconds before it goes off")
parser.add_argument("--start", type=float, default=60, help="seconds of a cold start")
given = parser.parse_args()

prices = read_prices()
per_token = {(p.name, p.unit): p.dollars for p in prices if p.unit != "hour"}
names = [name for name, unit in per_token if unit == "million tokens in"]
apis = {name: [per_token[name, f"million tokens {way}"] for way in ("in", "out")] for name in names}
rows = []
for price in (price for price in prices if price.unit == "hour"):
    million = per_million_tokens(price.dollars, given.tokens_per_second, given.utilisation)
    even = [
        f"{break_even(price.dollars, given.prompt, given.answer, (api[0], api[1])):,.0f}"
        for api in apis.values()
    ]
    rows.append([price.name, f"{price.dollars:.3f}", f"{million:.2f}", *even, price.date])
heads = [f"requests an hour to beat {name}" for name in apis]
print(Table(rows, ["machine", "$ an hour", "$ a million tokens", *heads, "price of"]))
paid, off = scale_to_zero(given.requests_an_hour / 3600, given.keep, given.start)
print(f"Scaled to zero, {paid:.0%} of the time is paid, and {off:.0%} of the requests wake it.")
print(f"A copy in this computer's memory moves {copy_bandwidth() / 1e9:.1f} GB a second.")
