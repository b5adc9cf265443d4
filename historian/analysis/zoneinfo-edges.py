"""Calendar buckets by Python's zoneinfo, for the tests of calendar.ts.

Reads lines of JSON {zone, unit, from, to} (s of UTC) and answers each with the edges of the buckets (s of UTC).
Dates: the first instant at which the local clock shows the date. Units of the clock: the clock is looked at each second around its changes and each minute elsewhere.
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


def utc(seconds):
    return EPOCH + timedelta(seconds=seconds)


def offset(zone, seconds):
    return utc(seconds).astimezone(zone).utcoffset() // SECOND


def first_instant(zone, date):
    """First instant whose local clock shows 00:00 of the date or later."""
    # Of a midnight that comes twice, fold 0 is the first.
    local = datetime(date.year, date.month, date.day, tzinfo=zone)
    at = local.astimezone(timezone.utc)
    if at.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return (at - EPOCH) // SECOND
    # Midnight is left out: where the clock jumps over it.
    naive = (datetime(date.year, date.month, date.day, tzinfo=timezone.utc) - EPOCH) // SECOND
    low, high = naive - 15 * 3600 - 86400, naive + 15 * 3600 + 86400
    while high - low > 1:
        middle = (low + high) // 2
        if middle + offset(zone, middle) < naive:
            low = middle
        else:
            high = middle
    return high


def next_date(date, unit):
    if unit == "day":
        return date + timedelta(days=1)
    if unit == "week":
        return date + timedelta(days=7)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    month = date.month - 1 + months
    return date.replace(year=date.year + month // 12, month=month % 12 + 1)


def dates(zone, unit, start, end):
    date = utc(start).date() - timedelta(days=800)
    if unit == "week":
        date -= timedelta(days=date.weekday())
    elif unit != "day":
        date = date.replace(month=1, day=1)
    edges = []
    while True:
        at = first_instant(zone, date)
        if at <= start:
            edges = []
        if not edges or at != edges[-1]:
            edges.append(at)
        if at >= end:
            return edges
        date = next_date(date, unit)


def clock(zone, unit, start, end):
    width = {"minute": 60, "quarter-hour": 900, "hour": 3600}[unit]

    def key(at):
        ahead = offset(zone, at)
        return (at + ahead) // width, ahead

    at = start
    while key(at - 1) == key(start):
        at -= 1
    edges = [at]
    while at < end:
        here = key(at)
        step = at + 1
        while key(step) == here:
            # To the next full minute of UTC, or by the second where the key changes before it.
            minute = step - step % 60 + 60
            step = minute if key(minute) == here and key(minute - 1) == here else step + 1
        edges.append(step)
        at = step
    return edges


for line in sys.stdin:
    case = json.loads(line)
    edges = dates if case["unit"] in ("day", "week", "month", "quarter", "year") else clock
    print(json.dumps(edges(ZoneInfo(case["zone"]), case["unit"], case["from"], case["to"])))
