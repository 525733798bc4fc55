"""Files by what their name, type and size say: those that run, those in disguise, and works that others own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from imsniff.base.confusable import mixed_scripts, skeleton
from imsniff.base.events import TransferState
from imsniff.base.file_types import LOOKS_HARMLESS, RUNS, SORTS, Sort, extension
from imsniff.base.records import Severity, TransferRecord
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on
from imsniff.detect.transfers import file_subject

_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing: `photo<202E>gpj.exe` is shown as `photoexe.jpg`."""


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _turned(file: TransferRecord) -> str | None:
    return "a mark turns the direction of its name" if _TURNS.search(_base(file.name)) else None


def _double(file: TransferRecord) -> str | None:
    """`invoice.pdf.exe`, also with blanks before the end that push it out of sight."""
    front, dot, _ = _base(file.name).rstrip(". ").rpartition(".")
    end, before = extension(file.name), extension(front)
    if dot and SORTS.get(end) in RUNS and SORTS.get(before) in LOOKS_HARMLESS:
        return f"shows .{before} and is .{end}"
    return None


def _look_alike(file: TransferRecord) -> str | None:
    """An extension of other letters that looks like one that opens, or a run of blanks before it."""
    end = extension(file.name)
    if not end.isascii() and (skeleton(end) in _SKELETONS or mixed_scripts(end)):
        return "its extension is written with look-alike letters"
    if SORTS.get(end) in RUNS and re.search(r" {8}", _base(file.name)):
        return f"blanks push .{end} out of sight"
    return None


_SKELETONS = {skeleton(end) for end in SORTS}


def _runs(file: TransferRecord) -> str | None:
    sort = SORTS.get(extension(file.name))
    return f"a {sort}" if sort in RUNS else None


def _macros(file: TransferRecord) -> str | None:
    return f"a {Sort.MACROS}" if SORTS.get(extension(file.name)) is Sort.MACROS else None


def _disk_image(file: TransferRecord) -> str | None:
    return f"a {Sort.DISK_IMAGE}" if SORTS.get(extension(file.name)) is Sort.DISK_IMAGE else None


_MEDIA: tuple[tuple[re.Pattern[str], frozenset[Sort]], ...] = (
    (re.compile("image/"), frozenset({Sort.PICTURE})),
    (re.compile("audio/"), frozenset({Sort.AUDIO, Sort.VIDEO})),
    (re.compile("video/"), frozenset({Sort.AUDIO, Sort.VIDEO})),
    (re.compile("text/(?!html|x-)"), frozenset({Sort.TEXT, Sort.DOCUMENT, Sort.SCRIPT})),
    (re.compile("application/(?:pdf|msword|vnd.openxmlformats)"), frozenset({Sort.DOCUMENT, Sort.MACROS})),
)
_PROGRAM_MEDIA = re.compile(
    "application/(?:x-(?:ms)?dos(?:exec|-program)|x-msdownload|vnd.microsoft.portable-executable|x-executable"
    "|x-(?:ms-)?installer|x-msi|hta|vnd.android.package-archive|java-archive|x-sh|x-mach-binary|x-ms-shortcut)"
)
_BOXES = re.compile("application/(?:zip|vnd.rar|x-7z-compressed|x-tar|vnd.ms-cab-compressed)|text/x-shellscript")
"""What holds files or orders, and is no picture, sound or film."""
_SHOWN = frozenset({Sort.PICTURE, Sort.AUDIO, Sort.VIDEO})


def _other_type(file: TransferRecord) -> str | None:
    """What the first bytes, else the sender's client, say of the type against what the name says. Unknown ones say
    nothing. A self-extracting archive may be called an archive, but then it runs."""
    media, sort = (file.media or "").lower(), SORTS.get(extension(file.name))
    if not media or sort is None:
        return None
    if _PROGRAM_MEDIA.match(media) and (sort in LOOKS_HARMLESS or sort is Sort.ARCHIVE):
        return f"named as {sort}, sent as {media}"
    if _BOXES.match(media) and sort in _SHOWN:
        return f"named as {sort}, sent as {media}"
    if sort in RUNS and any(form.match(media) and sort not in sorts for form, sorts in _MEDIA):
        return f"named as {sort}, sent as {media}"
    return None


class Kind(NamedTuple):
    name: str
    severity: Severity
    says: Callable[[TransferRecord], str | None]


RISKY: tuple[Kind, ...] = (
    Kind("turned", Severity.CRITICAL, _turned),
    Kind("double-extension", Severity.CRITICAL, _double),
    Kind("look-alike", Severity.CRITICAL, _look_alike),
    Kind("other-type", Severity.HIGH, _other_type),
    Kind("runs", Severity.HIGH, _runs),
    Kind("macros", Severity.MEDIUM, _macros),
    Kind("disk-image", Severity.MEDIUM, _disk_image),
)
"""What a file can be, the worst first: a disguise is no accident."""


@on(TransferRecord, Risk.RISKY_FILE)
def risky_file(context: Context, file: TransferRecord, wire: str) -> Iterable[Sighting]:
    """The first kind that fits. The subject is that of `file-transfer`, for it is the same file."""
    if file.state == TransferState.CANCELLED:
        return ()
    files = context.policy.files
    if files.bad(file.sha256):
        told = "known as bad by the policy"
        return _sighting(context, Risk.RISKY_FILE, file, "file.known-bad", told, Severity.CRITICAL, wire)
    for kind in RISKY:
        if (says := kind.says(file)) is not None:
            return _sighting(context, Risk.RISKY_FILE, file, f"file.{kind.name}", says, kind.severity, wire)
    if files.largest is not None and (file.size or 0) > files.largest:
        told = f"larger than the {files.largest} bytes that the policy allows"
        return _sighting(context, Risk.RISKY_FILE, file, "file.large", told, Severity.MEDIUM, wire)
    return ()


MEGABYTE = 1 << 20
_LARGE: dict[Sort, int] = {Sort.AUDIO: MEGABYTE, Sort.VIDEO: 100 * MEGABYTE, Sort.DISK_IMAGE: 50 * MEGABYTE}
"""Bytes from which a file of a sort is a work rather than a voice message, a clip of a telephone, a floppy disk."""
_RELEASE = re.compile(
    r"(?:^|[\W_])(?:(?:dvd|bd|br|web|hdtv|cam|ts|dvdscr|hd|uhd)[-. ]?rip|blu-?ray|"
    r"web-?dl|xvid|divx|[hx]\.?26[45]|hevc|720p|1080p|"
    r"2160p|s[0-9]{2}e[0-9]{2}|dvdscr|telesync|keygen|crack(?:ed)?|warez|nulled|repack|discography|320 ?kbps|"
    r"(?:full[-_. ]?)?album|pre-?activated)(?:$|[\W_])",
    re.IGNORECASE,
)
"""Words of those who copy what is not theirs, in names of media, archives and disk images."""
_WORKS = frozenset({Sort.AUDIO, Sort.VIDEO, Sort.DISK_IMAGE, Sort.ARCHIVE})
_LOSSY_OF_VOICE = frozenset({"opus", "wav", "m4a", "aac", "ogg"})
"""What clients record voice messages as: music only where it is large."""


@on(TransferRecord, Risk.COPYRIGHT_MEDIA)
def copyright_media(context: Context, file: TransferRecord, wire: str) -> Iterable[Sighting]:
    """Music, film or software by its name's end and size, or by the words in its name."""
    end = extension(file.name)
    sort = SORTS.get(end)
    if file.state == TransferState.CANCELLED or sort not in _WORKS:
        return ()
    said = (file.media or "").lower().startswith(("audio/", "video/"))
    if _RELEASE.search(_base(file.name)):
        return _sighting(
            context,
            Risk.COPYRIGHT_MEDIA,
            file,
            "file.release-name",
            f"{sort}, named as copies are",
            Severity.MEDIUM,
            wire,
        )
    least = _LARGE.get(sort)
    if least is None or (file.size or 0) < (4 * least if end in _LOSSY_OF_VOICE else least):
        unsized_music = file.size is None and end in ("mp3", "flac", "wma", "ape") and not said
        if not unsized_music:
            return ()
    return _sighting(
        context, Risk.COPYRIGHT_MEDIA, file, f"file.{sort.replace(' ', '-')}", f"{sort} of a work's size", None, wire
    )


def _sighting(
    context: Context, risk: Risk, file: TransferRecord, rule: str, says: str, severity: Severity | None, wire: str
) -> Iterable[Sighting]:
    shown = [f"{file.state} {file.name}", says]
    if file.size is not None:
        shown.append(f"{file.size} bytes")
    if file.sha256:
        shown.append(f"SHA-256 {file.sha256}")
    if wire:
        shown.append(wire)
    return sighting(
        context, risk, file, subject=file_subject(context, file), rule=rule, shown=", ".join(shown), severity=severity
    )
