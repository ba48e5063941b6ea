"""A heat map answer in the format asked for, for the doors that answer by URL."""

from __future__ import annotations

from flask import Response

from butlr_grafana.model import HeatMap
from butlr_grafana.present import heatmap, picture, table
from butlr_grafana.present.account import custom, notices
from butlr_grafana.web import reply


def respond(target: str, answer: HeatMap, *, demo: bool) -> Response:
    """`heatmap` and `heatmap-summary` in any of their formats."""
    return _summary(answer, demo=demo) if target == "heatmap-summary" else _map(answer, demo=demo)


def _map(answer: HeatMap, *, demo: bool) -> Response:
    complete = answer.coverage.complete
    match answer.query.format:
        case "rows":
            return reply.json(heatmap.rows(answer))
        case "matrix":
            return reply.json(heatmap.matrix(answer))
        case "csv":
            return reply.download(
                heatmap.csv(answer), "text/csv", file_name(answer, "csv"), complete=complete
            )
        case "png":
            image = picture.png(answer, demo=demo)
            return reply.download(image, "image/png", file_name(answer, "png"), complete=complete)
        case _:
            return reply.json([heatmap.frame(answer, ref_id="A", demo=demo)])


def _summary(answer: HeatMap, *, demo: bool) -> Response:
    rows = table.summary(answer)
    match answer.query.format:
        case "rows":
            return reply.json(rows)
        case "csv":
            return reply.download(table.csv(rows), "text/csv", file_name(answer, "csv"))
        case _:
            return reply.json([summary_frame(answer, ref_id="A", demo=demo)])


def summary_frame(answer: HeatMap, *, ref_id: str, demo: bool) -> dict[str, object]:
    meta = {"custom": custom(answer), "notices": notices(answer, demo=demo)}
    return table.frame(table.summary(answer), ref_id=ref_id, name=answer.query.floor.name, meta=meta)


def file_name(answer: HeatMap, ending: str) -> str:
    query = answer.query
    days = "_".join(str(account)[:10] for account in (custom(answer)["from"], custom(answer)["to"]))
    return f"{query.floor.id}_{days}.{ending}"
