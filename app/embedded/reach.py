"""What a server that must not run as root can reach.

Postgres refuses root. As root we run the servers as `postgres`, else `nobody`, who cannot enter a checkout below
`/root` (mode 700); what they need is then put under `/var/tmp`, and nobody's folder modes are touched.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from app.embedded.errors import EmbeddedError
from app.embedded.sources import Programs
from app.embedded.supervise import Account

ELSEWHERE = Path("/var/tmp")  # noqa: S108 - ownership and mode are checked before anything below it is used


def server_account(user: int) -> Account | None:
    """Whom this user runs servers as; None: itself."""
    if user != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid)
    raise EmbeddedError(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as."
    )


def reachable(path: Path, account: Account | None) -> bool:
    """Whether every folder above `path` lets the account through."""
    return account is None or all(_lets_through(folder, account) for folder in path.resolve().parents)


def place_programs(programs: Programs, account: Account | None, elsewhere: Path = ELSEWHERE) -> Path:
    """The folder to run from: the programs' own, or that of a copy made once for each version."""
    if programs.package is None or reachable(programs.bindir / "x", account):
        return programs.bindir
    package = programs.package
    copy = _own_folder(elsewhere) / f"{package.name}-{programs.version}-{_digest(package)}"
    if not copy.exists():
        _copy_whole(package, copy)
    return copy / package.name / programs.bindir.relative_to(package)


def place_data(home: Path, account: Account | None, elsewhere: Path = ELSEWHERE) -> Path:
    """The real path of a folder that the account owns alone: `home`, or its stand-in, to which `home` then links."""
    home.parent.mkdir(parents=True, exist_ok=True)
    target = home.resolve()
    if home.is_symlink():
        _own_folder(elsewhere)
    elif not reachable(target, account):
        folder = _own_folder(elsewhere)
        _sweep(folder)
        stand_in = folder / f"data-{_digest(target)}"
        home.symlink_to(stand_in)
        _remember(stand_in, target)
        target = stand_in
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    if account and target.stat().st_uid != account.uid:
        os.chown(target, account.uid, account.gid)
    target.chmod(0o700)
    return target


def _remember(stand_in: Path, home: Path) -> None:
    """Whole or not at all: somebody else may be sweeping."""
    unfinished = stand_in.with_suffix(".new")
    unfinished.write_text(str(home))
    unfinished.replace(stand_in.with_suffix(".home"))


def _sweep(folder: Path) -> None:
    """Removes stand-ins to which nothing links any more: their folder was deleted, as temporary ones are."""
    for record in folder.glob("data-*.home"):
        try:
            stand_in, home = record.with_suffix(""), Path(record.read_text())
        except FileNotFoundError:
            continue  # another start swept it
        if not home.is_symlink() or home.resolve() != stand_in.resolve():
            shutil.rmtree(stand_in, ignore_errors=True)
            record.unlink(missing_ok=True)


def discard(home: Path) -> None:
    """Removes a folder of servers that are gone, and what stands in for parts of it elsewhere."""
    for part in home.iterdir() if home.exists() else ():
        if part.is_symlink():
            shutil.rmtree(part.resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _lets_through(folder: Path, account: Account) -> bool:
    facts = folder.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def _own_folder(elsewhere: Path) -> Path:
    """`/var/tmp` is everybody's: what another user put there under our name is refused, not used."""
    folder = elsewhere / f"sluice-{os.geteuid()}"
    try:
        folder.mkdir(mode=0o711)
    except FileExistsError:
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            raise EmbeddedError(f"{folder} is not ours alone; remove it and try again.") from None
    folder.chmod(0o711)
    return folder


def _copy_whole(package: Path, copy: Path) -> None:
    """Several may copy at once: each into a folder of its own, and the first rename wins."""
    work = Path(tempfile.mkdtemp(prefix="copy-", dir=copy.parent))
    work.chmod(0o755)
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, work / part.name, symlinks=True)
    try:
        work.rename(copy)
    except OSError:
        shutil.rmtree(work)


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
