"""Who does the stages of cloud-init in a template and its clones (stage_server.py), where there is one."""

import socket

unit = 'kiln-template-stages.service'
address = '/run/kiln/stages'


def wait_until_loaded():
    """What is loaded before a template stands still no clone has to load."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(address)
            connection.send(b'loaded?')
            connection.recv(1)
        except OSError:
            # There is none: each stage is a program of its own.
            pass
