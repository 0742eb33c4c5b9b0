from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from app.registry import ChannelConnector, ErpConnector
from app.settings import SettingsError, load


class Shop(BaseModel):
    model_config = ConfigDict(extra="forbid")
    base_url: str
    token: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = ()
    prefix: str


class Books(BaseModel):
    model_config = ConfigDict(extra="forbid")
    base_url: str
    timeout_seconds: float = 60.0


@asynccontextmanager
async def never(*_given):
    raise AssertionError
    yield


FAKES = (ChannelConnector("shop", Shop, never), ErpConnector("books", Books, never))
ENOUGH = {"SLUICE_DATABASE_URL": "postgresql://u:pw@db/s", "SLUICE_REDIS_URL": "redis://r"}
UK = {
    "SLUICE_SHOP__uk__BASE_URL": "https://uk",
    "SLUICE_SHOP__uk__TOKEN": "tok-uk",
    "SLUICE_SHOP__uk__PREFIX": "UK",
}


def read(*layers):
    return load({name: text for layer in layers for name, text in layer.items()}, FAKES)


def problems(*layers):
    with pytest.raises(SettingsError) as caught:
        read(*layers)
    return caught.value.problems


def test_defaults_stand_where_nothing_is_said():
    settings = read(ENOUGH)
    assert (settings.http_port, settings.poll_seconds, settings.pace().quarantine) == (8080, 60.0, 300.0)
    assert [settings.metrics_port_of(role) for role in ("api", "worker", "exporter")] == [9464, 9465, 9466]


def test_every_missing_setting_is_named_at_once():
    found = problems({"SLUICE_SHOP__uk__TOKEN": "t", "SLUICE_SHOP__uk__PREFIX": "UK"})
    assert [sentence.split()[0] for sentence in found] == [
        "SLUICE_DATABASE_URL",
        "SLUICE_REDIS_URL",
        "SLUICE_SHOP__uk__BASE_URL",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SLUICE_POL_SECONDS", "SLUICE_POL_SECONDS is not a setting: did you mean POLL_SECONDS?"),
        ("SLUICE_POLL_SECONDS__X", "SLUICE_POLL_SECONDS__X is not a setting"),
        ("SLUICE_MYSTERY__uk__TOKEN", "SLUICE_MYSTERY__UK__TOKEN is not a setting"),
        ("SLUICE_SHOP__uk__TOKENS", "SLUICE_SHOP__uk__TOKENS is not a setting: did you mean TOKEN?"),
        ("SLUICE_BOOKS__COLOUR", "SLUICE_BOOKS__COLOUR is not a setting"),
    ],
)
def test_unknown_setting_is_refused_by_name(name, said):
    books = {"SLUICE_BOOKS__BASE_URL": "https://books"}
    found = problems(ENOUGH, UK, books, {name: "1"})
    assert len(found) == 1
    assert found[0].startswith(said)


def test_other_programs_variables_are_no_business_of_ours():
    assert read(ENOUGH, {"POLL_SECONDS": "x", "PATH": "/bin"}).poll_seconds == 60.0


def test_connection_name_in_capitals_is_the_same_connection():
    loud = {name.upper(): text for name, text in UK.items()}
    assert list(read(ENOUGH, loud).configured()["shop"]) == ["uk"]


def test_connection_name_with_other_letters_is_refused():
    odd = {name.replace("__uk__", "__u-k__"): text for name, text in UK.items()}
    assert any("U-K" in sentence.upper() for sentence in problems(ENOUGH, odd))


@pytest.mark.parametrize("text", ['["one", "two"]', "one,two", "one, two"])
def test_list_is_written_as_json_or_with_commas(text):
    settings = read(ENOUGH, UK, {"SLUICE_SHOP__uk__WEBHOOK_SECRETS": text})
    secrets = settings.configured()["shop"]["uk"].webhook_secrets
    assert [secret.get_secret_value() for secret in secrets] == ["one", "two"]


def test_broken_json_is_refused_without_its_text():
    (found,) = problems(ENOUGH, UK, {"SLUICE_SHOP__uk__WEBHOOK_SECRETS": '["hush'})
    assert "shop" in found
    assert "hush" not in found


def test_secret_that_looks_like_json_stays_as_it_is():
    settings = read(ENOUGH, UK, {"SLUICE_SHOP__uk__TOKEN": '{"not": json'})
    assert settings.configured()["shop"]["uk"].token.get_secret_value() == '{"not": json'


def test_prefix_shared_by_two_connections_is_refused():
    again = {name.replace("__uk__", "__us__"): text for name, text in UK.items()}
    (found,) = problems(ENOUGH, UK, again, {"SLUICE_SHOP__us__PREFIX": "uk"})
    assert found.startswith("SLUICE_SHOP__us__PREFIX is the same as SLUICE_SHOP__uk__PREFIX")


def test_quarantine_shorter_than_the_erps_deadline_is_refused():
    books = {"SLUICE_BOOKS__BASE_URL": "https://books", "SLUICE_BOOKS__TIMEOUT_SECONDS": "9"}
    (found,) = problems(ENOUGH, books, {"SLUICE_QUARANTINE_SECONDS": "8"})
    assert found.startswith("SLUICE_QUARANTINE_SECONDS is shorter than SLUICE_BOOKS__TIMEOUT_SECONDS")
    assert read(ENOUGH, books, {"SLUICE_QUARANTINE_SECONDS": "9"}).quarantine_seconds == 9


def test_environment_wins_over_secrets_and_secrets_over_the_file(tmp_path: Path):
    config = tmp_path / "sluice.toml"
    config.write_text(
        'poll_seconds = 1\nlook_seconds = 1\nsweep_seconds = 1\n[shop.uk]\nbase_url = "https://file"\n'
    )
    secrets = tmp_path / "secrets"
    (secrets / "shop" / "uk").mkdir(parents=True)
    (secrets / "shop" / "uk" / "token").write_text("from-a-file\n")
    (secrets / "SLUICE_SHOP__uk__PREFIX").write_text("UK")
    (secrets / "look_seconds").write_text("2")
    (secrets / "sweep_seconds").write_text("2")
    where = {"SLUICE_CONFIG": str(config), "SLUICE_SECRETS_DIR": str(secrets), "SLUICE_SWEEP_SECONDS": "3"}
    settings = read(ENOUGH, where)
    shop = settings.configured()["shop"]["uk"]
    assert (settings.poll_seconds, settings.look_seconds, settings.sweep_seconds) == (1, 2, 3)
    assert (shop.base_url, shop.token.get_secret_value(), shop.prefix) == (
        "https://file",
        "from-a-file",
        "UK",
    )


def test_hidden_files_of_the_secrets_folder_are_left_alone(tmp_path: Path):
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "nonsense").write_text("x")
    (tmp_path / ".sage200-main.token.json").write_text("{}")
    assert read(ENOUGH, {"SLUICE_SECRETS_DIR": str(tmp_path)}).secrets_dir == tmp_path


def test_misspelt_secret_file_is_refused(tmp_path: Path):
    (tmp_path / "redis_ulr").write_text("x")
    (found,) = problems(ENOUGH, {"SLUICE_SECRETS_DIR": str(tmp_path)})
    assert found == "SLUICE_REDIS_ULR is not a setting: did you mean REDIS_URL?"


@pytest.mark.parametrize(
    ("variable", "said"), [("SLUICE_CONFIG", "does not exist"), ("SLUICE_SECRETS_DIR", "is not a folder")]
)
def test_source_that_is_not_there_is_named(variable, said, tmp_path: Path):
    (found,) = problems(ENOUGH, {variable: str(tmp_path / "gone")})
    assert found.startswith(variable)
    assert said in found


def test_unknown_name_in_the_file_is_refused(tmp_path: Path):
    config = tmp_path / "sluice.toml"
    config.write_text("[shop.uk]\ncolour = 1\n")
    assert "SLUICE_SHOP__uk__COLOUR is not a setting" in problems(ENOUGH, UK, {"SLUICE_CONFIG": str(config)})


def test_description_names_what_is_set_and_tells_no_value():
    settings = read(ENOUGH, UK)
    assert settings.describe() == ("SLUICE_DATABASE_URL", "SLUICE_REDIS_URL", *sorted(UK))
    shown = repr(settings) + str(settings)
    assert "tok-uk" not in shown
    assert "pw@" not in shown


def test_bad_value_is_named_and_not_repeated():
    (found,) = problems(ENOUGH, {"SLUICE_HTTP_PORT": "hush-hush"})
    assert found.startswith("SLUICE_HTTP_PORT: ")
    assert "hush" not in found


def test_networks_that_may_deliver_are_read_from_a_list():
    settings = load({**ENOUGH, "SLUICE_WEBHOOK_NETWORKS": "198.51.100.0/24, 2001:db8::/32"}, FAKES)
    assert [str(one) for one in settings.webhook_networks] == ["198.51.100.0/24", "2001:db8::/32"]


@pytest.mark.parametrize("text", ["198.51.100.7/24", "centra.example", "10.0.0.0/33"])
def test_what_is_no_network_is_refused_at_start(text):
    with pytest.raises(SettingsError, match="SLUICE_WEBHOOK_NETWORKS"):
        load({**ENOUGH, "SLUICE_WEBHOOK_NETWORKS": text}, FAKES)


def test_lease_that_ends_before_an_answer_can_come_is_refused():
    books = {"SLUICE_BOOKS__BASE_URL": "https://erp", "SLUICE_LEASE_SECONDS": "60"}
    assert "SLUICE_LEASE_SECONDS" in problems(ENOUGH, books)[0]


def test_two_connectors_may_not_name_a_connection_alike():
    more = (*FAKES, ChannelConnector("mall", Shop, never))
    twice = {**ENOUGH, **UK, **{name.replace("SHOP", "MALL"): text + "X" for name, text in UK.items()}}
    with pytest.raises(SettingsError) as caught:
        load(twice, more)
    assert any("name of a connection of" in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("name", "url"), [("DATABASE", "mysql://x"), ("DATABASE", "x"), ("REDIS", "http://r")]
)
def test_url_of_another_kind_of_server_is_refused(name, url):
    (problem,) = problems(ENOUGH, {f"SLUICE_{name}_URL": url})
    assert (f"SLUICE_{name}_URL" in problem, url in problem.split()) == (True, False)


def test_the_zone_of_the_console_is_a_zone():
    assert str(read(ENOUGH).console_zone) == "Europe/London"
    assert str(read(ENOUGH, {"SLUICE_CONSOLE_ZONE": "Europe/Stockholm"}).console_zone) == "Europe/Stockholm"
    (sentence,) = problems(ENOUGH, {"SLUICE_CONSOLE_ZONE": "Mars/Base"})
    assert sentence.startswith("SLUICE_CONSOLE_ZONE")
