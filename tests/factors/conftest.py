"""No file of observations stays open after its test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.factors.book import FactorBook


@pytest.fixture(autouse=True)
def no_book_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[FactorBook] = []
    begin = FactorBook.__init__

    def begun(book: FactorBook, *words: Any, **more: Any) -> None:
        begin(book, *words, **more)
        opened.append(book)

    monkeypatch.setattr(FactorBook, "__init__", begun)
    yield
    for book in opened:
        book.close()
