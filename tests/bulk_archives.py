"""Archives made in a test, of pages of our own."""

import io

PROSE = "The harbour was quiet that morning and nobody on the quay could say when the boat would come in. "


def page(number):
    """A page with navigation and some paragraphs."""
    text = "".join(f"<p>{number}.{i} {PROSE * 3}</p>" for i in range(4))
    return f"<title>Page {number}</title><nav><a href=/>Home</a></nav><article><h1>Page {number}</h1>{text}</article>"


def write_warc(file, responses, conversions=(), *, gzip=True):
    """Write ``(url, body, headers, status)`` and ``(url, text)`` as a crawler does, with requests and metadata between."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    writer = WARCWriter(file, gzip=gzip)
    number = 0

    def add(url, kind, body, **options):
        nonlocal number
        number += 1
        fixed = {"WARC-Record-ID": f"<urn:uuid:{number}>", "WARC-Date": f"2026-01-01T00:00:{number % 60:02}Z"}
        writer.write_record(
            writer.create_warc_record(url, kind, payload=io.BytesIO(body), warc_headers_dict=fixed, **options)
        )

    writer.write_record(writer.create_warcinfo_record("x.warc.gz", {"software": "test"}))
    for url, body, headers, status in responses:
        http = StatusAndHeaders("GET / HTTP/1.1", [("Host", "a.example")], is_http_request=True)
        add(url, "request", b"", http_headers=http)
        add(url, "response", body, http_headers=StatusAndHeaders(status, headers, protocol="HTTP/1.1"))
        add(url, "metadata", b"fetchTimeMs: 3", warc_content_type="application/warc-fields")
    for url, text in conversions:
        add(url, "conversion", text.encode(), warc_content_type="text/plain")


def html_response(number, status="200 OK"):
    """A response that holds ``page(number)``."""
    return f"https://a.example/{number}", page(number).encode(), [("Content-Type", "text/html; charset=utf-8")], status
