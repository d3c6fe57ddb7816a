"""The sizes of a Parquet file's pages come from their headers, and a page that would fill the memory is refused."""

import pyarrow
import pytest
from pyarrow import parquet

from slanted.errors import InputError
from slanted.text.formats import parquet_reader
from slanted.text.formats.parquet_pages import Page, pages_of
from slanted.text.formats.parquet_reader import open_parquet

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

COUNT, LENGTH = 100, 1000
TEXTS = [f"{number:04}" * (LENGTH // 4) for number in range(COUNT)]
PLAIN = 4 + LENGTH  # bytes of a string in a page


def pages(name="f.parquet"):
    with pyarrow.OSFile(name) as stream:
        return list(pages_of(stream, parquet.ParquetFile(name).metadata.row_group(0).column(0)))


def write(**options):
    columns = {"text": TEXTS, "label": ["x", "y"] * (COUNT // 2)}
    parquet.write_table(pyarrow.table(columns), "f.parquet", write_batch_size=10, **options)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("more", [{}, {"write_page_checksum": True}, {"write_statistics": False}])
def test_every_page_has_the_size_of_its_rows(version, more):
    write(use_dictionary=False, data_page_size=10 * PLAIN, data_page_version=version, compression="zstd", **more)
    found = pages()
    assert len(found) == 10 and not any(page.is_dictionary for page in found)
    assert all(10 * PLAIN <= page.unpacked < 10 * PLAIN + 20 for page in found)  # the levels beside them


def test_a_dictionary_is_the_first_page():
    write(dictionary_pagesize_limit=2**24, compression="zstd")
    first, *others = pages()
    assert first == Page(True, COUNT * PLAIN)
    assert others and not any(page.is_dictionary for page in others)


def test_a_header_with_long_statistics_is_read_whole():
    long = ["a" * 3000 + one for one in TEXTS]
    parquet.write_table(pyarrow.table({"text": long}), "f.parquet", use_dictionary=False)
    assert [page.unpacked // (3000 + PLAIN) for page in pages()] == [COUNT]


@pytest.mark.parametrize("content", [b"\xff" * 64, b"\x15", b"\x1c" * 2000, b"\x15\x00\x15\x02\x15\x01\x00", b""])
def test_a_damaged_header_ends_the_pages(content):
    class Chunk:
        dictionary_page_offset, data_page_offset, total_compressed_size = None, 4, 10**6

    with open("f", "wb") as file:
        file.write(b"PAR1" + content)
    with pyarrow.OSFile("f") as stream:
        assert list(pages_of(stream, Chunk)) == []


def test_a_page_that_would_fill_the_memory_is_refused_before_it_is_unpacked(monkeypatch):
    write(use_dictionary=False, compression="zstd")
    monkeypatch.setattr(parquet_reader, "_PAGE_BYTES", COUNT * PLAIN - 1)
    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", lambda *args, **named: pytest.fail("unpacked"))
    with open_parquet("f.parquet", "f.parquet") as opened, pytest.raises(InputError) as refused:
        list(opened.records(["text", "label"]))
    problem = "a page of column 'text' has 100,407 bytes when unpacked, more than 100,399; write it with smaller pages"
    assert str(refused.value) == f"f.parquet: {problem}"
    with open_parquet("f.parquet", "f.parquet") as opened, pytest.raises(pytest.fail.Exception):
        list(opened.records(["label"]))
