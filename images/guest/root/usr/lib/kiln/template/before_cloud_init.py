"""The depth `before-cloud-init`: what a boot can do without a network is done, and cloud-init and the network have not begun."""

import time

import journal
import stages
import traces
import units
from commands import run
from host_port import version
from identity import Identity
from manager import Manager
from own_interface import find_interface, probe_anew, read_mac
from own_state import refine_time, take_boot_id, take_host_name, take_machine_id, take_randomness, take_system_id, take_time

patience_seconds = 60
own_unit = 'kiln-template-gate.service'


def wait_before_cloud_init(port):
    wait_until_quiet()
    stages.wait_until_loaded()
    interface = find_interface()
    active = units.ActiveUnits()
    resting = active.of(units.names + units.resting) + active.match('*.timer')
    journals = journal.find_journals()
    units.stop(resting)
    traces.remove_early_traces(read_mac(interface))
    manager = Manager()
    run('sync')
    port.say('READY before-cloud-init %d' % version)
    identity = Identity(port.receive())
    take_randomness(identity)
    take_time(identity)
    take_machine_id(identity)
    take_boot_id()
    take_host_name(identity)
    take_system_id(identity)
    probe_anew(interface)
    # It has its name back when cloud-init looks for it.
    run('udevadm', 'settle', '--timeout=30')
    if read_mac(find_interface()) != identity.require('interface-mac').lower():
        raise RuntimeError('the interface has not got the hardware address %s' % identity.require('interface-mac'))
    refine_time(port)
    port.say('UP')
    port.close()
    journal.begin_anew(manager, journals)
    manager.try_start(*resting)


def wait_until_quiet():
    """Until all jobs of the boot wait for this one; devices are waited for as long as they take, and do nothing meanwhile."""
    end = time.monotonic() + patience_seconds
    quiet = 0
    while quiet < 3 and time.monotonic() < end:
        time.sleep(0.5)
        jobs = [line.split() for line in run('systemctl', 'list-jobs', '--no-legend', '--full').splitlines()]
        running = [job[1] for job in jobs if len(job) == 4 and job[3] == 'running']
        others = [name for name in running if name != own_unit and not name.endswith('.device')]
        quiet = 0 if others else quiet + 1
