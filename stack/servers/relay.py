"""A TCP relay that is slower than loopback: a network in between.

    python3 -m stack.servers.relay PORT TARGET_PORT [--delay SECONDS]
                                   [--rate BYTES]

Passes bytes on as they are; knows nothing of HTTP.
"""

import argparse
import asyncio
import os
import sys
import time

from . import processes
from .. import environments

_READ_BYTES = 256 * 1024
#: How many reads may be on their way in one direction: more than 20 ms of
#: what loopback carries.
_WINDOW = 128


class Relay(processes.Running):

    """A relay in a process of its own.

    :param directory: where its log goes
    :param target_port: where it relays to
    :param delay_seconds: how much longer a round trip takes; a new
        connection costs one more, as a handshake does
    :param rate_bytes: bytes a second that each connection carries at most, in
        each direction; 0 is no limit
    """

    def __init__(self, directory, target_port, delay_seconds=0, rate_bytes=0):
        port = processes.free_port()
        self.server = processes.Server(
            'the relay', [sys.executable, '-m', 'stack.servers.relay', port,
                          target_port, '--delay', delay_seconds,
                          '--rate', rate_bytes],
            port, os.path.join(directory, 'relay-%d.log' % port),
            {'PYTHONPATH': environments.PROJECT})


async def _take_in(reader, on_the_way, delay_seconds):
    while True:
        try:
            chunk = await reader.read(_READ_BYTES)
        except OSError:
            chunk = b''
        await on_the_way.put((time.monotonic() + delay_seconds, chunk))
        if not chunk:
            return


async def _hand_out(on_the_way, writer, rate_bytes):
    free_at = 0
    while True:
        due_at, chunk = await on_the_way.get()
        due_at = free_at = max(due_at, free_at)
        await _until(due_at)
        if not chunk:
            break
        if rate_bytes:
            free_at += len(chunk) / rate_bytes
            # All of it arrives when its last byte does.
            await _until(free_at)
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _until(moment):
    left = moment - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)


async def _serve(port, target_port, delay_seconds, rate_bytes):
    async def relay(client_reader, client_writer):
        target_reader, target_writer = await asyncio.open_connection(
            processes.HOST, target_port, limit=_READ_BYTES)
        await asyncio.sleep(delay_seconds)
        tasks = []
        for reader, writer in ((client_reader, target_writer),
                               (target_reader, client_writer)):
            on_the_way = asyncio.Queue(_WINDOW)
            tasks += [
                asyncio.ensure_future(_take_in(reader, on_the_way,
                                               delay_seconds / 2)),
                asyncio.ensure_future(_hand_out(on_the_way, writer,
                                                rate_bytes))]
        try:
            await asyncio.gather(*tasks)
        except OSError:
            pass  # one side hung up
        finally:
            for task in tasks:
                task.cancel()
            target_writer.close()
            client_writer.close()

    server = await asyncio.start_server(
        relay, processes.HOST, port, limit=_READ_BYTES, backlog=128)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(prog='python3 -m stack.servers.relay')
    parser.add_argument('port', type=int)
    parser.add_argument('target_port', type=int)
    parser.add_argument('--delay', type=float, default=0, metavar='SECONDS')
    parser.add_argument('--rate', type=int, default=0, metavar='BYTES')
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.target_port, options.delay,
                       options.rate))


if __name__ == '__main__':
    main()
