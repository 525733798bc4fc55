"""Giving up root once the interfaces are open: what reads hostile packets should own nothing.

Opening a ring needs CAP_NET_RAW and nothing else; without `-Z` the program keeps what rights it was started with."""

from __future__ import annotations

import os

from imsniff.capture.errors import CannotCapture


class NoSuchUser(ValueError):
    """`-Z` names nobody."""


def drop(user: str) -> None:
    """Become `user`, for good: user, groups, home. Raises NoSuchUser, or CannotCapture where that is not allowed."""
    import pwd  # not on Windows

    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise NoSuchUser(f"there is no user {user!r}") from None
    if os.geteuid() != 0:
        if os.geteuid() == account.pw_uid:
            return
        raise CannotCapture(f"only root can become {user}", "run as root, or leave -Z away")
    try:
        os.initgroups(user, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as why:
        raise CannotCapture(f"cannot become {user}: {why.strerror}", "a container may lack CAP_SETUID") from None
    if account.pw_uid and (os.geteuid() == 0 or _root_again()):
        raise CannotCapture(f"root could be had back after becoming {user}", "report this")
    # what follows looks for its files where that user has them
    os.environ["HOME"] = account.pw_dir
    os.environ["USER"] = os.environ["LOGNAME"] = user
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)


def _root_again() -> bool:
    try:
        os.setuid(0)
    except OSError:
        return False
    return True
