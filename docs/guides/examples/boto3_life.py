"""The whole life of a server by boto3: client, resources, paginators and waiters. Run it after: eval "$(kiln env)"

It takes the AMI by its name (first argument, nano when absent) and leaves nothing behind.
"""

import os
import subprocess
import sys
import tempfile
import time

import boto3

IMAGE_NAME = sys.argv[1] if len(sys.argv) > 1 else "nano"
LOGIN = sys.argv[2] if len(sys.argv) > 2 else "ec2-user"
# boto3 1.28 and newer read AWS_ENDPOINT_URL themselves.
ENDPOINT = os.environ["AWS_ENDPOINT_URL"]

client = boto3.client("ec2", endpoint_url=ENDPOINT)
ec2 = boto3.resource("ec2", endpoint_url=ENDPOINT)
account = boto3.client("sts", endpoint_url=ENDPOINT).get_caller_identity()["Account"]


def wait(name, **ids):
    client.get_waiter(name).wait(**ids, WaiterConfig={"Delay": 1, "MaxAttempts": 600})


def run_in(instance, key_file, command):
    """Runs a command in the server as soon as its SSH answers."""
    argv = ["ssh", "-i", key_file, "-p", os.environ.get("SSH_PORT", "22"), "-o", "BatchMode=yes"]
    argv += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    argv += ["-o", "ConnectTimeout=5", f"{LOGIN}@{instance.public_ip_address}", command]
    while True:
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
        time.sleep(1)


image = next(iter(ec2.images.filter(Owners=["self"], Filters=[{"Name": "name", "Values": [IMAGE_NAME]}])))
key_pair = ec2.create_key_pair(KeyName="boto3", KeyType="ed25519")
group = ec2.create_security_group(GroupName="boto3", Description="SSH")
group.authorize_ingress(IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")

with tempfile.NamedTemporaryFile("w", suffix=".pem") as key_file:
    key_file.write(key_pair.key_material)
    key_file.flush()

    (instance,) = ec2.create_instances(
        ImageId=image.id,
        InstanceType="t3.nano",
        MinCount=1,
        MaxCount=1,
        KeyName=key_pair.name,
        SecurityGroupIds=[group.id],
        UserData='#!/bin/sh\necho "told by user data" >/tmp/told\n',
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "boto3"}]}],
        ClientToken=f"boto3-{time.time_ns()}",
    )
    wait("instance_running", InstanceIds=[instance.id])
    instance.reload()
    print(run_in(instance, key_file.name, "cat /tmp/told"))

    instance.create_tags(Tags=[{"Key": "stage", "Value": "tried by boto3"}])
    pages = client.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "tag:stage", "Values": ["*by boto3"]}], PaginationConfig={"PageSize": 5}
    )
    assert [i["InstanceId"] for page in pages for r in page["Reservations"] for i in r["Instances"]] == [instance.id]

    volume = ec2.create_volume(Size=1, AvailabilityZone=instance.placement["AvailabilityZone"])
    wait("volume_available", VolumeIds=[volume.id])
    volume.attach_to_instance(InstanceId=instance.id, Device="/dev/sdf")
    wait("volume_in_use", VolumeIds=[volume.id])
    while "vdb" not in run_in(instance, key_file.name, "cat /proc/partitions"):
        time.sleep(1)
    volume.detach_from_instance()
    wait("volume_available", VolumeIds=[volume.id])

    snapshot = volume.create_snapshot(Description="of a volume")
    wait("snapshot_completed", SnapshotIds=[snapshot.id])
    baked = instance.create_image(Name="boto3-baked", NoReboot=True)
    wait("image_available", ImageIds=[baked.id])
    baked.reload()

    instance.stop()
    wait("instance_stopped", InstanceIds=[instance.id])
    instance.modify_attribute(InstanceType={"Value": "t3.micro"})
    instance.start()
    wait("instance_running", InstanceIds=[instance.id])
    instance.reload()
    assert instance.instance_type == "t3.micro"
    print(run_in(instance, key_file.name, "cat /etc/hostname"))

instance.terminate()
wait("instance_terminated", InstanceIds=[instance.id])
volume.delete()
snapshot.delete()
copies = [mapping["Ebs"]["SnapshotId"] for mapping in baked.block_device_mappings if "Ebs" in mapping]
baked.deregister()
for copy in copies:
    ec2.Snapshot(copy).delete()
group.delete()
key_pair.delete()
print(f"the life of {instance.id} in account {account} is over")
