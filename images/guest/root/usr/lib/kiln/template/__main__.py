"""What makes a template of this boot, and servers of their own of what goes on from it; README says where that is told."""

import os
import sys

from before_cloud_init import wait_before_cloud_init
from booted import wait_booted
from host_port import open_host_port

depths = {'booted': wait_booted, 'before-cloud-init': wait_before_cloud_init}


def main():
    wait = depths[sys.argv[1]]
    os.umask(0o022)
    port = open_host_port()
    try:
        wait(port)
    except Exception as error:
        # The host gives this machine up, and boots the server in the usual way.
        if port.is_open:
            port.say('ERROR %s: %s' % (type(error).__name__, ' '.join(str(error).split())))
        raise


main()
