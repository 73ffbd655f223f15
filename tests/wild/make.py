"""Small files as other programs write them, one for each kind of trouble; `python tests/wild/make.py FOLDER` writes them all.

All hold the same orders: one is bought when it is dear, or else when it goes to Köln. So what is read right is learnt as
well as from the plain file.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

RECORDS = 400
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Wild:
    """A file and what is right.

    Parameters
    ----------
    make : callable
        Writes it into a folder; gives what is named as the source, by default the one thing in the folder.
    label : str
    spec : dict
        Dotted fields that the user sets.
    records : int
        Labels that are to be learnt.
    dead : int
        Dead letters that are to be counted.
    said : str
        What is to be said, in a note or in the refusal.
    refused : bool
        Whether it can't be read as it is.
    """

    make: Callable[[Path], str | list[str] | None]
    label: str = "bought"
    spec: dict[str, Any] = field(default_factory=dict)
    records: int = RECORDS
    dead: int = 0
    said: str = ""
    refused: bool = False


CORPUS: dict[str, Wild] = {}
Maker = Callable[[Path], str | list[str] | None]


def wild(**expected: Any) -> Callable[[Maker], Maker]:
    """Put a maker into the corpus under its name; dots in names of settings are written as ``__``."""

    def add(make: Maker) -> Maker:
        spec = {k.replace("__", "."): v for k, v in expected.items() if "__" in k}
        own = {k: v for k, v in expected.items() if "__" not in k}
        CORPUS[make.__name__] = Wild(make, spec=spec, **own)
        return make

    return add


def orders(n: int = RECORDS, seed: int = 2) -> Columns:
    """The table that all files hold."""
    draw = random.Random(seed)
    data: Columns = {"city": [], "price": [], "bought": []}
    for _ in range(n):
        city, price = draw.choice(["Köln", "Paris", "Nîmes"]), round(draw.lognormvariate(3.9, 0.6), 2)
        data["city"].append(city)
        data["price"].append(price)
        data["bought"].append(int((price > 50) ^ (city == "Köln")))
    return data


def rows(data: Columns | None = None) -> list[dict[str, Any]]:
    """The table as dicts."""
    data = data or orders()
    return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]


def text(data: Columns | None = None, delimiter: str = ",", end: str = "\n", **how: Any) -> str:
    """The table as CSV."""
    data = data or orders()
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, **how)
    writer.writerow(data)
    writer.writerows(zip(*data.values(), strict=True))
    return out.getvalue()


def put(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> None:
    """Write a file."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))


def changed(column: str, change: Callable[[Any], Any], data: Columns | None = None) -> Columns:
    """The table with a column written in another way."""
    data = dict(data or orders())
    return data | {column: [change(v) for v in data[column]]}


def with_tokens(token: str, every: int = 100) -> Columns:
    """The table with a token for some of the prices."""
    data = orders()
    return data | {"price": [token if i % every == every // 2 else p for i, p in enumerate(data["price"])]}


# ---------------------------------------------------------------------------------------- delimiters and dialects


@wild()
def plain(folder: Path) -> None:
    put(folder, "orders.csv", text())


@wild()
def semicolons(folder: Path) -> None:
    put(folder, "orders.csv", text(delimiter=";"))


@wild()
def tabs_in_csv(folder: Path) -> None:
    put(folder, "orders.csv", text(delimiter="\t"))


@wild()
def tsv(folder: Path) -> None:
    put(folder, "orders.tsv", text(delimiter="\t"))


@wild()
def bars_in_txt(folder: Path) -> None:
    put(folder, "orders.txt", text(delimiter="|"))


@wild(source__options={"delimiter": "^"})
def a_delimiter_of_its_own(folder: Path) -> None:
    put(folder, "orders.csv", text(delimiter="^"))


@wild(source__options={"delimiter": "\\t"})
def a_tab_as_typed(folder: Path) -> None:
    put(folder, "orders.csv", text(delimiter="\t"))


@wild()
def a_line_with_the_separator(folder: Path) -> None:
    put(folder, "orders.csv", "sep=;\r\n" + text(delimiter=";", end="\r\n"))


@wild()
def semicolons_and_commas_in_quotes(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("city", lambda c: f"{c}; {c}, EU"), quoting=csv.QUOTE_ALL))


@wild()
def newlines_in_quotes(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("city", lambda c: f"{c}\n\n{c}")))


@wild()
def doubled_quotes(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("city", lambda c: f'the "{c}"')))


@wild()
def carriage_returns_and_newlines(folder: Path) -> None:
    put(folder, "orders.csv", text(end="\r\n"))


@wild()
def carriage_returns_alone(folder: Path) -> None:
    put(folder, "orders.csv", text(end="\r"))


@wild()
def blank_lines(folder: Path) -> None:
    put(folder, "orders.csv", "\n" + text(end="\n \n\r\n") + "\n")


@wild()
def a_delimiter_at_the_end_of_each_row(folder: Path) -> None:
    head, *body = text().splitlines()
    put(folder, "orders.csv", "\n".join([head, *(line + "," for line in body)]))


@wild()
def a_delimiter_at_the_end_of_each_line(folder: Path) -> None:
    put(folder, "orders.csv", text(end=",\n"))


@wild(said="'row'")
def names_of_rows_without_a_name(folder: Path) -> None:
    head, *body = text().splitlines()
    put(folder, "orders.csv", "\n".join([head, *(f"r{i % 5},{line}" for i, line in enumerate(body))]))


@wild(dead=3, said="2 fields where the header has 3")
def rows_that_are_too_short(folder: Path) -> None:
    lines = text().splitlines()
    for at in (50, 150, 250):
        lines.insert(at, "Köln,3")
    put(folder, "orders.csv", "\n".join(lines))


# ----------------------------------------------------------------------------------------------- headers, comments


@wild()
def blanks_in_the_header(folder: Path) -> None:
    put(folder, "orders.csv", text().replace("city,price,bought", " city , price , bought ", 1))


@wild(refused=True, said="does not look like a header")
def no_header(folder: Path) -> None:
    put(folder, "orders.csv", text().split("\n", 1)[1])


@wild(label="column_3", source__options={"header": False})
def no_header_and_said_so(folder: Path) -> None:
    put(folder, "orders.csv", text().split("\n", 1)[1])


@wild(refused=True, said="more than once")
def a_name_twice(folder: Path) -> None:
    put(folder, "orders.csv", text().replace("city,price", "price,price", 1))


@wild(refused=True, said="no records")
def a_header_and_no_rows(folder: Path) -> None:
    put(folder, "orders.csv", "city,price,bought\n")


@wild()
def comments_at_the_top(folder: Path) -> None:
    put(folder, "orders.csv", "# made by hand, on a Monday\n#\n" + text())


@wild()
def a_header_in_a_comment(folder: Path) -> None:
    put(folder, "orders.csv", "# " + text())


@wild(source__options={"comment": "%"})
def comments_between_the_rows(folder: Path) -> None:
    put(folder, "orders.csv", text(end="\n% seen, and found good\n"))


@wild()
def years_as_names(folder: Path) -> None:
    data = orders()
    put(folder, "orders.csv", text({"city": data["city"], "2019": data["price"], "bought": data["bought"]}))


# -------------------------------------------------------------------------------------------------------- encodings


@wild()
def a_byte_order_mark(folder: Path) -> None:
    put(folder, "orders.csv", text(), "utf-8-sig")


@wild(said="Windows-1252")
def latin_1(folder: Path) -> None:
    put(folder, "orders.csv", text(), "latin-1")


@wild(said="Windows-1252")
def windows_1252(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("city", lambda c: f"„{c}“ – €")), "cp1252")


@wild(source__options={"encoding": "cp1251"})
def cyrillic_and_said_so(folder: Path) -> None:
    names = {"Köln": "Кёльн", "Paris": "Париж", "Nîmes": "Ним"}
    put(folder, "orders.csv", text(changed("city", lambda c: names[c])), "cp1251")


@wild()
def utf_16(folder: Path) -> None:
    put(folder, "orders.txt", text(delimiter="\t", end="\r\n"), "utf-16")


@wild()
def utf_16_big_end_first(folder: Path) -> None:
    put(folder, "orders.csv", ("\ufeff" + text()).encode("utf-16-be"))


@wild()
def utf_16_without_a_mark(folder: Path) -> None:
    put(folder, "orders.csv", text().encode("utf-16-le"))


@wild()
def utf_32(folder: Path) -> None:
    put(folder, "orders.csv", text(), "utf-32")


@wild(records=RECORDS - 1, dead=1, said="invalid UTF-8")
def one_stray_byte(folder: Path) -> None:
    lines = text().encode().splitlines()
    lines[200] = lines[200].replace(lines[200].split(b",")[0], b"K\xfeln")
    put(folder, "orders.csv", b"\n".join(lines))


@wild(said="Windows-1252")
def json_lines_in_latin_1(folder: Path) -> None:
    put(folder, "orders.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows()), "latin-1")


@wild()
def json_lines_with_a_mark(folder: Path) -> None:
    put(folder, "orders.jsonl", "".join(json.dumps(r) + "\n\n" for r in rows()), "utf-8-sig")


# ---------------------------------------------------------------------------------------------------------- packing


@wild()
def gzipped(folder: Path) -> None:
    put(folder, "orders.csv.gz", gzip.compress(text().encode()))


@wild()
def gzipped_and_not_called_so(folder: Path) -> None:
    put(folder, "orders.csv", gzip.compress(text().encode()))


@wild()
def called_gzipped_and_plain(folder: Path) -> None:
    put(folder, "orders.csv.gz", text())


@wild()
def bz2_of_tabs(folder: Path) -> None:
    put(folder, "orders.tsv.bz2", bz2.compress(text(delimiter="\t").encode()))


@wild()
def xz_of_utf_16(folder: Path) -> None:
    put(folder, "orders.csv.xz", lzma.compress(text(delimiter=";").encode("utf-16")))


@wild()
def zstandard(folder: Path) -> None:
    with pa.CompressedOutputStream(str(folder / "orders.jsonl.zst"), "zstd") as file:
        file.write("".join(json.dumps(r) + "\n" for r in rows()).encode())


@wild()
def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "orders.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._orders.csv", b"\0")
        archive.writestr("orders.csv", text())


@wild(refused=True, said="holds 2 files")
def a_zip_of_two(folder: Path) -> None:
    with zipfile.ZipFile(folder / "orders.csv.zip", "w") as archive:
        archive.writestr("a.csv", text())
        archive.writestr("b.csv", text())


@wild(refused=True, said="is a spreadsheet")
def a_workbook(folder: Path) -> None:
    with zipfile.ZipFile(folder / "orders.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")


# ----------------------------------------------------------------------------------------------------- many files


def _parts(folder: Path, names: list[str], write: Callable[[Path, Columns], None]) -> None:
    size = RECORDS // len(names)
    for k, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, {c: v[k * size : (k + 1) * size] for c, v in orders().items()})


def _table(path: Path, data: Columns) -> None:
    pq.write_table(pa.table(data), path)


def _csv(path: Path, data: Columns) -> None:
    path.write_text(text(data), encoding="utf-8")


@wild()
def a_folder_of_tables(folder: Path) -> str:
    _parts(folder, [f"part-{k}.parquet" for k in (1, 2, 10, 11)], _table)
    put(folder, "_SUCCESS", "")
    put(folder, ".part-1.parquet.crc", b"\0")
    return str(folder)


@wild()
def a_folder_of_json_lines(folder: Path) -> str:
    def write(path: Path, data: Columns) -> None:
        path.write_text("".join(json.dumps(r) + "\n" for r in rows(data)), encoding="utf-8")

    _parts(folder, ["a.jsonl", "b.jsonl", "c.ndjson", "d.json"], write)
    return str(folder)


@wild()
def a_pattern(folder: Path) -> str:
    _parts(folder, [f"orders-{k}.csv" for k in range(10)], _csv)
    put(folder, "notes.txt", "none of these")
    return str(folder / "orders-*.csv")


@wild()
def a_list_of_files(folder: Path) -> list[str]:
    _parts(folder, ["b.csv", "a.csv"], _csv)
    return [str(folder / "b.csv"), str(folder / "a.csv")]


@wild()
def parts_with_columns_in_another_order(folder: Path) -> str:
    def write(path: Path, data: Columns) -> None:
        _csv(path, data if "0" in path.name else dict(reversed(data.items())))

    _parts(folder, ["part-0.csv", "part-1.csv"], write)
    return str(folder)


@wild(said="part-1.csv adds columns of part-0.csv: note")
def parts_with_a_column_more(folder: Path) -> str:
    def write(path: Path, data: Columns) -> None:
        _csv(path, data if "0" in path.name else data | {"note": ["x"] * len(data["city"])})

    _parts(folder, ["part-0.csv", "part-1.csv"], write)
    return str(folder)


@wild()
def folders_that_are_columns(folder: Path) -> str:
    data = orders()
    for city in sorted(set(data["city"])):
        inside = [i for i, c in enumerate(data["city"]) if c == city]
        path = folder / f"city={city}" / "part-0.parquet"
        path.parent.mkdir()
        _table(path, {name: [data[name][i] for i in inside] for name in ("price", "bought")})
    return str(folder)


@wild(refused=True, said="of different formats")
def a_folder_of_two_formats(folder: Path) -> str:
    put(folder, "a.csv", text())
    _table(folder / "b.parquet", orders())
    return str(folder)


# --------------------------------------------------------------------------------------- numbers, amounts, missing


@wild()
def decimal_commas(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("price", lambda p: f"{p:.2f}".replace(".", ",")), delimiter=";"))


@wild(source__options={"decimal": ",", "thousands": "."})
def decimal_commas_and_dots_between_thousands(folder: Path) -> None:
    def german(p: float) -> str:
        return f"{p * 100:,.2f}".translate(str.maketrans(",.", ".,"))

    put(folder, "orders.csv", text(changed("price", german), delimiter=";"))


@wild()
def commas_between_thousands(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("price", lambda p: f"{p * 100:,.2f}")))


@wild()
def dollars(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("price", lambda p: f"${p:.2f}")))


@wild()
def euros_behind(folder: Path) -> None:
    def euros(p: float) -> str:
        return f"{p:.2f} €".replace(".", ",")

    put(folder, "orders.csv", text(changed("price", euros), delimiter=";"))


@wild()
def percent(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("price", lambda p: f"{p}%")))


@wild()
def blanks_around_cells(folder: Path) -> None:
    put(folder, "orders.csv", text(changed("price", lambda p: f" {p} ")))


@wild()
def not_available(folder: Path) -> None:
    put(folder, "orders.csv", text(with_tokens("N/A")))


@wild()
def question_marks(folder: Path) -> None:
    put(folder, "orders.csv", text(with_tokens("?")))


@wild()
def null_in_capitals(folder: Path) -> None:
    put(folder, "orders.csv", text(with_tokens("NULL")))


@wild(source__options={"missing": ["unknown"]})
def a_token_of_its_own(folder: Path) -> None:
    put(folder, "orders.csv", text(with_tokens("unknown")))


@wild()
def words_among_numbers(folder: Path) -> None:
    put(folder, "orders.csv", text(with_tokens("see invoice")))


@wild()
def numbers_as_text_in_json(folder: Path) -> None:
    put(folder, "orders.jsonl", "".join(json.dumps(r) + "\n" for r in rows(with_tokens("n/a"))))


@wild(features__ignore=["note"])
def an_ignored_column_of_two_kinds(folder: Path) -> None:
    told = [{**r, "note": i if i % 2 else "abc"} for i, r in enumerate(rows())]
    put(folder, "orders.jsonl", "".join(json.dumps(r) + "\n" for r in told))


@wild(features__ignore=["notte"], said="notte")
def a_slip_in_what_is_ignored(folder: Path) -> None:
    put(folder, "orders.csv", text())


@wild(label="count", said="--task regression")
def amounts_that_look_like_classes(folder: Path) -> None:
    draw = random.Random(4)
    put(
        folder,
        "sold.csv",
        text({"price": orders()["price"], "count": [draw.randrange(9) for _ in range(RECORDS)]}),
    )


# --------------------------------------------------------------------------------------------------- ids and times


@wild()
def ids_beyond_doubles(folder: Path) -> None:
    ids = {"Köln": 2**53 + 1, "Paris": 2**53, "Nîmes": 2**53 + 2}
    put(folder, "orders.csv", text(changed("city", lambda c: f"k{ids[c]}")))


def _late(unit: Callable[[datetime], Any], known: Callable[[datetime], Any] | None = None) -> Columns:
    began = datetime(2024, 3, 1, 8, tzinfo=UTC)
    when = [began + timedelta(minutes=i) for i in range(RECORDS)]
    later = [t + timedelta(seconds=1) for t in when]
    return {"at": [unit(t) for t in when], "known": [(known or unit)(t) for t in later], **orders()}


TIMES = {"source__event_time": "at", "label__time": "known"}


@wild(**TIMES, records=RECORDS - 1)
def seconds(folder: Path) -> None:
    put(folder, "orders.csv", text(_late(lambda t: int(t.timestamp()))))


@wild(**TIMES, records=RECORDS - 1)
def milliseconds(folder: Path) -> None:
    put(folder, "orders.csv", text(_late(lambda t: int(t.timestamp() * 1e3))))


@wild(**TIMES, records=RECORDS - 1)
def iso_times_with_a_zone(folder: Path) -> None:
    put(folder, "orders.csv", text(_late(lambda t: t.isoformat())))


@wild(**TIMES, records=RECORDS - 1)
def iso_times_without_a_zone(folder: Path) -> None:
    put(
        folder,
        "orders.jsonl",
        "".join(json.dumps(r) + "\n" for r in rows(_late(lambda t: f"{t:%Y-%m-%d %H:%M:%S}"))),
    )


@wild(**TIMES, records=RECORDS - 1)
def two_types_of_time(folder: Path) -> None:
    data = _late(lambda t: t, lambda t: int(t.timestamp() * 1000))
    at = pa.array(data["at"], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({**data, "at": at}), folder / "orders.parquet")


@wild()
def dates_in_parquet(folder: Path) -> None:
    pq.write_table(pa.table({"day": [date(2024, 1, 1)] * RECORDS, **orders()}), folder / "orders.parquet")


# ------------------------------------------------------------------------------------------------- nested, Parquet


@wild()
def objects_in_json_lines(folder: Path) -> None:
    nested = [{"cart": {"price": r.pop("price"), "tags": ["a"]}, **r} for r in rows()]
    put(folder, "orders.jsonl", "".join(json.dumps(r) + "\n" for r in nested))


@wild()
def lists_in_json_lines(folder: Path) -> None:
    nested = [{"x": [r.pop("price"), r.pop("city")], **r} for r in rows()]
    put(folder, "orders.jsonl", "".join(json.dumps(r) + "\n" for r in nested))


@wild()
def structs_in_parquet(folder: Path) -> None:
    nested = [{"cart": {"price": r.pop("price")}, **r} for r in rows()]
    pq.write_table(pa.Table.from_pylist(nested), folder / "orders.parquet")


@wild()
def dictionaries_and_decimals_in_parquet(folder: Path) -> None:
    data = orders()
    price = pa.array(data["price"]).cast(pa.decimal128(12, 2))
    table = pa.table({**data, "city": pa.array(data["city"]).dictionary_encode(), "price": price})
    pq.write_table(table, folder / "orders.pq")


@wild()
def parquet_without_a_suffix(folder: Path) -> None:
    _table(folder / "000000_0", orders())


@wild()
def json_lines_without_a_suffix(folder: Path) -> None:
    put(folder, "orders", "".join(json.dumps(r) + "\n" for r in rows()))


def made(folder: Path) -> Iterator[tuple[str, Wild, str | list[str]]]:
    """Write all of them, each into a folder of its own."""
    for name in CORPUS:
        yield name, CORPUS[name], make_one(name, folder)


def make_one(name: str, folder: Path) -> str | list[str]:
    """Write one; what is named as the source comes back."""
    inside = folder / name
    inside.mkdir(parents=True)
    named = CORPUS[name].make(inside)
    return str(next(inside.iterdir())) if named is None else named


if __name__ == "__main__":
    for told in made(Path(sys.argv[1])):
        print(told[0], told[2])
