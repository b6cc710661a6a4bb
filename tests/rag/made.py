"""Real files to read: PDFs written by hand, DOCX by python-docx, folders of Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

Line = tuple[float, float, str]
"""x and y of its start in points from the lower left corner, and the text."""


def write_pdf(
    path: Path,
    pages: Sequence[Sequence[Line]],
    *,
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
    locked: bool = False,
    broken: Sequence[int] = (),
    meanings: Mapping[str, str] | None = None,
) -> Path:
    """A PDF in Helvetica 10. `bookmarks` are titles with their page from 1; `locked` asks for a password nobody has;
    the pages of the numbers `broken` are no pages; `meanings` says what some drawn characters stand for."""
    objects: dict[int, bytes] = {}
    first_page, first_mark = 10, 10 + 2 * len(pages)
    kids = " ".join(f"{first_page + 2 * i} 0 R" for i in range(len(pages)))
    outlines = " /Outlines 4 0 R" if bookmarks else ""
    objects[1] = f"<< /Type /Catalog /Pages 2 0 R{outlines} >>".encode()
    objects[2] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()
    objects[3] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    if meanings:
        objects[3] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 7 0 R >>"
        rows = "\n".join(
            f"<{ord(c):02X}> <{m.encode('utf-16-be', 'surrogatepass').hex()}>" for c, m in meanings.items()
        )
        table = f"1 begincodespacerange <00> <FF> endcodespacerange\n{len(meanings)} beginbfchar\n{rows}\nendbfchar"
        objects[7] = b"<< /Length %d >>\nstream\n%b\nendstream" % (len(table), table.encode())
    objects[5] = f"<< /Title ({title}) >>".encode()
    for i, lines in enumerate(pages):
        number = first_page + 2 * i
        objects[number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {number + 1} 0 R "
            "/Resources << /Font << /F 3 0 R >> >> >>"
        ).encode()
        if i + 1 in broken:
            objects[number] = b"(no page)"
        drawn = "\n".join(f"BT /F 10 Tf {x} {y} Td ({text}) Tj ET" for x, y, text in lines).encode("latin-1")
        objects[number + 1] = b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn)
    if bookmarks:
        last = first_mark + len(bookmarks) - 1
        objects[4] = f"<< /First {first_mark} 0 R /Last {last} 0 R /Count {len(bookmarks)} >>".encode()
        for i, (text, page) in enumerate(bookmarks):
            following = f" /Next {first_mark + i + 1} 0 R" if i + 1 < len(bookmarks) else ""
            target = first_page + 2 * (page - 1)
            objects[first_mark + i] = (
                f"<< /Title ({text}) /Parent 4 0 R{following} /Dest [{target} 0 R /Fit] >>".encode()
            )
    encrypt = b""
    if locked:
        secret = b"ab" * 32
        objects[6] = b"<< /Filter /Standard /V 1 /R 2 /O <%b> /U <%b> /P -4 >>" % (secret, secret)
        encrypt = b" /Encrypt 6 0 R /ID [<00> <00>]"
    path.write_bytes(_assembled(objects, encrypt))
    return path


def _assembled(objects: dict[int, bytes], encrypt: bytes) -> bytes:
    body = b"%PDF-1.4\n"
    places = {}
    for number, content in sorted(objects.items()):
        places[number] = len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    size = max(objects) + 1
    rows = [b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n" for n in range(size)]
    trailer = b"trailer << /Size %d /Root 1 0 R /Info 5 0 R%b >>\nstartxref\n%d\n%%%%EOF" % (size, encrypt, len(body))
    return body + b"xref\n0 %d\n" % size + b"".join(rows) + trailer


def paragraphs(lines: Sequence[str], *, top: float = 720) -> list[Line]:
    """Lines one below the other, as a page's content."""
    return [(72, top - 12 * i, text) for i, text in enumerate(lines)]


def write_notes(folder: Path, notes: dict[str, str]) -> Path:
    """A folder of text files by their names, subfolders included."""
    for name, text in notes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
