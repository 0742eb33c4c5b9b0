import asyncio
import json
from pathlib import Path

import pytest

from app.cli.mappings import app
from app.mappings.refusal import RefusedError

WAREHOUSE = "connection,warehouse,ships_from\nuk,HOME,GB\n"
BOTH = '[[warehouses]]\nconnection = "us"\nwarehouse = "AWAY"\nships_from = "US"\n'
TAX = '[[tax_codes]]\nship_from = "GB"\nship_to = "GB"\nrate = 17\ncode = "1"\n'


@pytest.fixture
def file(tmp_path: Path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_import_plans_first(shell, file, audit):
    result = shell(app, "import", file("warehouses.csv", WAREHOUSE), "--reason", "first", "--json")
    assert json.loads(result.out) == [
        {"table": "warehouses", "added": ["uk"], "changed": [], "removed": [], "equal": 0}
    ]
    assert shell(app, "export").out == ""
    assert asyncio.run(audit()) == []


def test_import_adds_to_what_is_there(shell, file):
    shell(app, "import", file("warehouses.csv", WAREHOUSE), "--reason", "first", "--apply")
    shell(app, "import", file("more.toml", BOTH), "--reason", "second", "--apply")
    assert shell(app, "export", "warehouses", "--csv").out.count("\n") == 3


def test_import_that_replaces_says_what_goes(shell, file):
    shell(app, "import", file("warehouses.csv", WAREHOUSE), "--reason", "first", "--apply")
    result = shell(app, "import", file("more.toml", BOTH), "--reason", "second", "--replace", "--apply")
    assert "  - uk\n" in result.out
    assert "uk" not in shell(app, "export").out


def test_export_reads_back(shell, file):
    shell(app, "import", file("warehouses.csv", WAREHOUSE), "--reason", "first", "--apply")
    text = shell(app, "export").out
    (plan,) = json.loads(shell(app, "import", file("all.toml", text), "--reason", "same", "--json").out)
    assert (plan["equal"], plan["added"], plan["removed"]) == (1, [], [])


def test_import_releases_what_waited(shell, file, orders):
    result = shell(app, "import", file("all.toml", TAX), "--reason", "mapped", "--apply")
    assert "tax_codes: written, 1 messages released." in result.err


def test_faulty_file_is_refused_whole_with_all_faults(shell, file):
    text = "connection,warehouse,ships_from\nUK!,HOME,GB\nuk,HOME,England\n"
    with pytest.raises(RefusedError) as caught:
        shell(app, "import", file("warehouses.csv", text), "--reason", "x", "--apply")
    assert len(caught.value.problems) == 2
    assert shell(app, "export").out == ""


def test_file_of_another_kind_is_wrong_usage(shell, file):
    assert shell(app, "import", file("rows.xls", ""), "--reason", "x").code == 2


def test_csv_of_all_tables_is_wrong_usage(shell, database_url):
    assert shell(app, "export", "--csv").code == 2
    assert shell(app, "export", "nonsense").code == 2
