"""Behind nginx as Debian configures it, which buffers what it passes on unless it is told not to."""
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from peers import KINDS, SECONDS, publish, subscriber
from running import Server

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else None)
CONFIGURATION = """
daemon off;
master_process off;
pid {place}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {gateway};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"""


class Behind(Server):
    """The gateway's own addresses, at the proxy."""

    def __init__(self, port: int):
        self.addresses = {"http": f"http://127.0.0.1:{port}"}


@pytest.fixture(scope="module")
def proxied(shared, tmp_path_factory):
    if NGINX is None:
        pytest.skip("there is no nginx")
    place = pathlib.Path(tmp_path_factory.mktemp("nginx"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = CONFIGURATION.format(place=place, port=port, gateway=shared.alive().url(""))
    (place / "nginx.conf").write_text(text)
    process = subprocess.Popen([NGINX, "-p", str(place), "-c", str(place / "nginx.conf")], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < end, "nginx does not listen"
                time.sleep(0.02)
        yield Behind(port)
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("kind", KINDS)
def test_every_transport_passes_a_proxy_message_by_message(server, proxied, channel, kind):
    with subscriber(kind, proxied, channel) as one:
        for number in range(5):
            identifier = publish(proxied.channel(channel), f"message {number}")
            seen, data = one.next()
            assert data == f"message {number}"
            assert seen in (None, identifier)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_goes_on_after_an_id_behind_a_proxy(server, proxied, channel, kind):
    last = publish(server.channel(channel), "before")
    for number in range(3):
        publish(server.channel(channel), str(number))
    with subscriber(kind, proxied, channel, after=last) as one:
        assert [data for _, data in one.take(3)] == ["0", "1", "2"]
