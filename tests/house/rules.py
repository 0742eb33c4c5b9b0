"""House rules that no linter has. Each takes the syntax tree or text of one file and yields `line: what is wrong`."""

import ast
import re
from collections.abc import Iterator

Findings = Iterator[str]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MUTABLE_CALLS = {
    "list",
    "dict",
    "set",
    "bytearray",
    "defaultdict",
    "deque",
    "OrderedDict",
    "Counter",
    "ContextVar",
}
_CHANGES = {
    "add",
    "append",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "remove",
    "setdefault",
    "sort",
    "update",
}
_MONEY = {
    "amount",
    "charge",
    "cost",
    "discount",
    "gross",
    "money",
    "net",
    "price",
    "tax",
    "total",
    "totals",
    "vat",
}
_SECRET = {
    "digest",
    "hexdigest",
    "hmac",
    "mac",
    "password",
    "secret",
    "secrets",
    "signature",
    "signatures",
    "token",
}
_NOQA = re.compile(r"#\s*noqa\b(?P<codes>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?(?P<reason>.*)")


def long_functions(tree: ast.Module, most: int = 40) -> Findings:
    """Body lines, without the signature and the docstring."""
    for function in _functions(tree):
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        if lines > most:
            yield f"{function.lineno}: {function.name} has {lines} lines"


def many_parameters(tree: ast.Module, most: int = 5) -> Findings:
    """A command's parameters are its flags, one each."""
    for function in _functions(tree):
        if any("app.command" in ast.unparse(decorator) for decorator in function.decorator_list):
            continue
        given = function.args
        names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        count = len([name for name in names if name not in {"self", "cls"}])
        if count > most:
            yield f"{function.lineno}: {function.name} takes {count} parameters"


def deep_nesting(tree: ast.Module, most: int = 3) -> Findings:
    for function in _functions(tree):
        depth = max((_depth(statement) for statement in function.body), default=0)
        if depth > most:
            yield f"{function.lineno}: {function.name} nests {depth} deep"


def mutable_globals(tree: ast.Module) -> Findings:
    """What changes is passed. A table of constants (CAPITALS, not empty) may stand there, if nobody ever changes it."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        called = _last_name(value.func) if isinstance(value, ast.Call) else None
        if called in _MUTABLE_CALLS or (isinstance(value, _MUTABLE) and not _is_table(statement)):
            yield f"{statement.lineno}: mutable at module level"
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) or _changes_constant(node):
            yield f"{node.lineno}: changes what is global: {ast.unparse(node)}"


def compared_secrets(tree: ast.Module) -> Findings:
    """`==` on a digest tells its first wrong byte by time; linters let it pass."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) for side in sides):
            continue
        if any(_words(side) & _SECRET for side in sides):
            yield f"{node.lineno}: compare with hmac.compare_digest: {ast.unparse(node)}"


def float_money(tree: ast.Module) -> Findings:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="float"), args=[value, *_]) if _any_words(value) & _MONEY:
                yield f"{node.lineno}: money becomes a float: {ast.unparse(node)}"
            case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=float())]):
                yield f"{node.lineno}: a Decimal made of a float: {ast.unparse(node)}"
            case ast.arg(annotation=ast.expr() as kind) if _says_float(kind) and _split(node.arg) & _MONEY:
                yield f"{node.lineno}: {node.arg} is a float"
            case ast.AnnAssign(target=target, annotation=kind) if (
                _says_float(kind) and _words(target) & _MONEY
            ):
                yield f"{node.lineno}: {ast.unparse(target)} is a float"
            case ast.BinOp(left=left, right=right) if _is_float(left) or _is_float(right):
                if _any_words(node) & _MONEY:
                    yield f"{node.lineno}: money meets a float: {ast.unparse(node)}"


def float_json(tree: ast.Module) -> Findings:
    """In a connector, numbers of a document become Decimal as they are read."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        if node.func.attr == "json" and not node.args:
            yield f"{node.lineno}: .json() makes floats"
        reads = node.func.attr in {"load", "loads"} and "json" in ast.unparse(node.func.value)
        if reads and not keywords & {"use_decimal", "parse_float"}:
            yield f"{node.lineno}: makes floats: {ast.unparse(node)}"


def sleeps(tree: ast.Module) -> Findings:
    """A test that waits a while is slow when it passes and wrong when the machine is slower. sleep(0) only yields, a
    random delay is what makes a race test race, and a pause between two looks leaves the machine to what is looked at.
    """
    pauses = {id(node) for loop in ast.walk(tree) if _asks(loop) for node in ast.walk(loop)}
    for node in ast.walk(tree):
        if id(node) in pauses:
            continue
        if not isinstance(node, ast.Call) or _last_name(node.func) != "sleep" or len(node.args) != 1:
            continue
        [wait] = node.args
        zero = isinstance(wait, ast.Constant) and wait.value == 0
        chance = isinstance(wait, ast.Call) and _last_name(wait.func) in {"uniform", "random"}
        if not zero and not chance:
            yield f"{node.lineno}: {ast.unparse(node)}"


def _asks(node: ast.AST) -> bool:
    """`while not await …:` and nothing but a pause in it."""
    asks = isinstance(node, ast.While) and any(isinstance(one, ast.Await) for one in ast.walk(node.test))
    return asks and len(node.body) == 1


def environment_readers(tree: ast.Module) -> Findings:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"environ", "getenv"}
            and _last_name(node.value) == "os"
        ):
            yield f"{node.lineno}: {ast.unparse(node)}"


def silent_noqa(text: str) -> Findings:
    """`# noqa: CODE - why`, so that the next reader can tell when it is no longer true."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _NOQA.search(line)
        if found and not (found["codes"] and re.match(r"\s+-+\s*\w", found["reason"])):
            yield f"{number}: {line.strip()}"


def ignored_types(text: str) -> Findings:
    mark = "type" + ": ignore"
    for number, line in enumerate(text.splitlines(), start=1):
        if mark in line:
            yield f"{number}: {line.strip()}"


def _is_table(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    empty = isinstance(statement.value, ast.List | ast.Set | ast.Dict) and not list(
        ast.iter_child_nodes(statement.value)
    )
    return all(_is_constant(target) for target in targets) and not empty


def _changes_constant(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Store | ast.Del) and _is_constant(node.value)
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in _CHANGES and _is_constant(called.value)


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id.isupper()


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))


def _depth(node: ast.AST) -> int:
    """Blocks within blocks; an `elif` is no deeper than its `if`, and a nested function starts anew."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return 0
    below = [_depth(child) - _is_elif(node, child) for child in ast.iter_child_nodes(node)]
    return isinstance(node, _BLOCKS) + max(below, default=0)


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)


def _last_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _split(name: str) -> set[str]:
    return set(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().split("_"))


def _words(node: ast.AST) -> set[str]:
    """Of the name that tells what a value is: of `self.token_url`, token and url; of `hmac.new(...).digest()`, digest."""
    target = node.func if isinstance(node, ast.Call) else node
    return _split(_last_name(target) or "")


def _any_words(node: ast.AST) -> set[str]:
    return {word for child in ast.walk(node) for word in _split(_last_name(child) or "")}


def _says_float(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "float" for node in ast.walk(annotation))


def _is_float(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)
