"""`plot.py RESULT.json ...`: one SVG beside each result, one more for each way in which its cost grows.

Runs in the peers' environment. Scripts and random ids are taken out, so that equal figures give equal files.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

OURS, THEIRS = "#1f5fa8", "#b0b4ba"
LOOK = Style(
    background="white",
    plot_background="white",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#888888",
    font_family="sans-serif",
    colors=(OURS,),
    value_font_size=12,
    label_font_size=12,
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#dddddd",
    guide_stroke_dasharray="0",
    major_guide_stroke_dasharray="0",
)


def charts_of(result: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(file name without ending, chart)"""
    yield str(result["name"]), medians(result)
    growth = result.get("growth")
    for way, figures in growth.items() if isinstance(growth, dict) else ():
        if _plain(figures):
            yield f"{result['name']}-{way}", line(result, way, figures)


def medians(result: Mapping[str, Any]) -> Any:
    """Bars from 0, ours on top, each under its figure."""
    bars = [("Sluice", result["ours"]["median"])]
    bars += [(one["name"], one["median"]) for one in result["references"]]
    title = f"{result['name']}, {result['ours']['unit']} ({result['better']} is better)"
    chart = pygal.HorizontalBar(**_options(title), height=120 + 40 * len(bars))
    chart.x_labels = [f"{name}: {shown(value)}" for name, value in reversed(bars)]
    chart.add(
        "",
        [{"value": value, "color": OURS if name == "Sluice" else THEIRS} for name, value in reversed(bars)],
    )
    return chart


def line(result: Mapping[str, Any], way: str, figures: Mapping[str, float]) -> Any:
    title = f"{result['name']}, {result['ours']['unit']}, by {way.replace('_', ' ')}"
    chart = pygal.Line(**_options(title), height=320, include_x_axis=True, margin_right=60, print_values=True)
    chart.x_labels = [_short(name) for name in figures]
    chart.add("", list(figures.values()))
    return chart


def _options(title: str) -> dict[str, Any]:
    return {
        "title": title,
        "style": LOOK,
        "width": 800,
        "js": [],
        "no_prefix": True,
        "show_legend": False,
        "value_formatter": shown,
    }


def shown(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _plain(figures: object) -> bool:
    return (
        isinstance(figures, dict)
        and bool(figures)
        and all(isinstance(v, int | float) for v in figures.values())
    )


def _short(label: str) -> str:
    """1000000 -> 1M"""
    for digits, letter in ((6, "M"), (3, "k")):
        if label.isdigit() and label.endswith("0" * digits):
            return label[:-digits] + letter
    return label


def still(chart: Any) -> str:
    """Without scripts, comments (one has the date) and the random id."""
    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in [one for one in parent if callable(one.tag) or one.tag.rpartition("}")[2] == "script"]:
            parent.remove(child)
    root.attrib.pop("id", None)
    return str(ET.tostring(root, encoding="unicode")) + "\n"


def main(paths: Sequence[str]) -> None:
    for path in map(Path, paths):
        for name, chart in charts_of(json.loads(path.read_text())):
            ending = ".quick.svg" if path.name.endswith(".quick.json") else ".svg"
            path.with_name(name + ending).write_text(still(chart))


if __name__ == "__main__":
    main(sys.argv[1:])
