"""AOL's family: OSCAR (AIM and ICQ), its peer connections OFT and ODC, TOC, and ICQ before it."""
