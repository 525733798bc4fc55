"""What the end of a file's name says of it: tables of extensions by what can happen when it is opened."""

from __future__ import annotations

from enum import StrEnum


class Sort(StrEnum):
    PROGRAM = "program"
    SCRIPT = "script"
    SHORTCUT = "shortcut"
    PACKAGE = "package"
    """An installer of some system."""
    MACROS = "document with macros"
    DISK_IMAGE = "disk image"
    ARCHIVE = "archive"
    DOCUMENT = "document"
    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"
    TEXT = "text"


_BY_SORT: dict[Sort, str] = {
    Sort.PROGRAM: "exe com scr pif cpl dll sys ocx msc gadget ade adp mde appref-ms",
    Sort.SCRIPT: "bat cmd vbs vbe vb js jse wsf wsh wsc ws hta ps1 ps1xml psm1 sct shb reg scf chm hlp inf jnlp",
    Sort.SHORTCUT: "lnk url website desktop settingcontent-ms library-ms search-ms",
    Sort.PACKAGE: "msi msp mst msix msixbundle appx appxbundle apk ipa jar deb rpm run command pkg appimage crx xpi",
    Sort.MACROS: "docm dotm xlsm xltm xlam xll xla pptm potm ppam ppsm sldm one onepkg iqy slk",
    Sort.DISK_IMAGE: "iso img vhd vhdx dmg udf toast nrg mdf",
    Sort.ARCHIVE: "zip rar 7z gz tgz bz2 xz tar cab ace arj lzh z zst",
    Sort.DOCUMENT: "pdf doc docx xls xlsx ppt pptx odt ods odp rtf csv pages numbers key epub",
    Sort.PICTURE: "jpg jpeg png gif bmp tif tiff webp heic svg ico psd",
    Sort.AUDIO: "mp3 m4a aac flac ogg oga wma wav opus ape aiff",
    Sort.VIDEO: "mp4 mkv avi mov wmv mpg mpeg m4v flv webm vob 3gp ts divx rmvb",
    Sort.TEXT: "txt md log ini json xml html htm yaml yml toml",
}
SORTS: dict[str, Sort] = {extension: sort for sort, written in _BY_SORT.items() for extension in written.split()}
RUNS = frozenset({Sort.PROGRAM, Sort.SCRIPT, Sort.SHORTCUT, Sort.PACKAGE})
"""What does something on the receiver's computer when it is opened."""
LOOKS_HARMLESS = frozenset({Sort.DOCUMENT, Sort.PICTURE, Sort.AUDIO, Sort.VIDEO, Sort.TEXT})


def extension(name: str) -> str:
    """What stands behind the last dot, small; empty where there is none. Windows ignores dots and blanks at the end."""
    base = name.rstrip(". \t").replace("\\", "/").rpartition("/")[2]
    return base.rpartition(".")[2].strip().lower() if "." in base else ""


_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"MZ", "application/x-msdownload"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (0, b"MSCF", "application/vnd.ms-cab-compressed"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b", "application/gzip"),
    (257, b"ustar", "application/x-tar"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (4, b"ftyp", "video/mp4"),
)
"""Where what stands in a file of which type. Facts of the formats' own descriptions and of the IANA registry."""


def media_of(head: bytes) -> str | None:
    """The media type that a file's first bytes show; None where it is none of those known. MZ alone begins words, too:
    a Windows program says where its second header is, and has room for the first."""
    for at, mark, media in _MAGIC:
        if head.startswith(mark, at) and (mark != b"MZ" or len(head) >= 64 or not head.isascii()):
            return media
    return None
