"""Each rule finds what it forbids and lets pass what it should: a check that cannot fail proves nothing."""

import ast

import pytest

from tests.house import rules

TEN_LINES = "\n".join("    x = 1" for _ in range(10))


def found(rule: object, code: str) -> bool:
    return bool(list(rule(ast.parse(code))))


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (rules.long_functions, "def f():\n" + "\n".join(["    x = 1"] * 41)),
        (rules.many_parameters, "def f(a, b, c, *, d, e, f): ..."),
        (rules.many_parameters, "class A:\n  def f(self, a, b, c, d, e, f): ..."),
        (rules.deep_nesting, "def f():\n if a:\n  for b in c:\n   with d:\n    if e: ..."),
        (rules.deep_nesting, "def f():\n if a: ...\n elif b:\n  for c in d:\n   with e:\n    if f: ..."),
        (rules.mutable_globals, "CACHE = {}"),
        (rules.mutable_globals, "known = {'a': 1}"),
        (rules.mutable_globals, "CODES = {'a': 1}\ndef f(): CODES['b'] = 2"),
        (rules.mutable_globals, "def f(): CODES.append(1)"),
        (rules.mutable_globals, "seen: set[str] = set()"),
        (rules.mutable_globals, "def f():\n global x"),
        (rules.compared_secrets, "if digest == header: ..."),
        (rules.compared_secrets, "ok = hmac.new(k, b).hexdigest() != given"),
        (rules.compared_secrets, "ok = self.push_password == password"),
        (rules.float_money, "unit = float(line.unit_price)"),
        (rules.float_money, "def f(gross: float): ..."),
        (rules.float_money, "class A:\n  tax_total: float | None"),
        (rules.float_money, "half = net * 0.5"),
        (rules.float_money, "penny = Decimal(0.01)"),
        (rules.float_json, "body = json.loads(raw)"),
        (rules.float_json, "body = reply.json()"),
        (rules.sleeps, "await asyncio.sleep(0.1)"),
        (rules.sleeps, "sleep(1)"),
        (rules.sleeps, "while not await there():\n    await asyncio.sleep(0.1)\n    await step()"),
        (rules.sleeps, "while True:\n    await asyncio.sleep(0.1)"),
        (rules.sleeps, "sleep(patience)"),
        (rules.environment_readers, "url = os.environ['X']"),
        (rules.environment_readers, "url = os.getenv('X')"),
    ],
)
def test_rule_finds_what_it_forbids(rule: object, code: str) -> None:
    assert found(rule, code)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (rules.long_functions, 'def f():\n    """Long.\n' + "\n" * 50 + '    """\n' + TEN_LINES),
        (rules.many_parameters, "class A:\n  def f(self, a, b, c, d, e): ..."),
        (rules.deep_nesting, "def f():\n if a: ...\n elif b: ...\n elif c: ...\n elif d: ...\n elif e: ..."),
        (rules.deep_nesting, "def f():\n if a:\n  with b:\n   for c in d: ..."),
        (
            rules.mutable_globals,
            "LIMITS = MappingProxyType({'a': 1})\nNAMES = ('a',)\nSET = frozenset({'a'})",
        ),
        (rules.mutable_globals, "CODES = {'a': 1}\ndef f(): return CODES['a'], CODES.get('b')"),
        (rules.compared_secrets, "ok = hmac.compare_digest(digest, header)"),
        (rules.compared_secrets, "if reason == 'token': ..."),
        (rules.float_money, "def f(gross: Decimal, seconds: float): ..."),
        (rules.float_money, "wait = float(header)"),
        (rules.float_json, "body = simplejson.loads(raw, use_decimal=True)"),
        (rules.sleeps, "await asyncio.sleep(0)"),
        (rules.sleeps, "while not await there():\n    await asyncio.sleep(0.1)"),
        (rules.sleeps, "await asyncio.sleep(rng.uniform(0.001, 0.005))"),
        (rules.environment_readers, "url = settings.environ"),
    ],
)
def test_rule_lets_pass_what_it_should(rule: object, code: str) -> None:
    assert not found(rule, code)


@pytest.mark.parametrize("comment", ["", ": S101", ": S101 -", ": S101, S603 because"])
def test_noqa_without_a_reason_is_found(comment: str) -> None:
    assert list(rules.silent_noqa("x = 1  # " + "noqa" + comment))


def test_noqa_with_a_reason_passes() -> None:
    assert not list(rules.silent_noqa("x = 1  # " + "noqa: S101, S603 - as the vendor does"))


def test_ignored_type_is_found() -> None:
    assert list(rules.ignored_types("x = y  # " + "type: ignore[arg-type]"))
