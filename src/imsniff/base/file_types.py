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
