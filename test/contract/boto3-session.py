"""Calls the endpoint of its first argument with boto3 and prints what came back as JSON."""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, access_key, secret_key = sys.argv[1:]
session = boto3.session.Session(access_key, secret_key, region_name="us-east-1")
config = Config(retries={"total_max_attempts": 1})
ec2 = session.client("ec2", endpoint_url=endpoint, config=config)
sts = session.client("sts", endpoint_url=endpoint, config=config)


def failure(call):
    try:
        call()
    except ClientError as error:
        response = error.response
        return {
            **response["Error"],
            "status": response["ResponseMetadata"]["HTTPStatusCode"],
            "hasRequestId": len(response["ResponseMetadata"]["RequestId"]) == 36,
        }


def presigned():
    filters = [{"Name": "tag:a b*", "Values": ["~x/y", "é"]}]
    url = ec2.generate_presigned_url("describe_instances", {"Filters": filters}, ExpiresIn=60, HttpMethod="GET")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as response:
        return {"status": response.status, "hasInstances": "i-00000000000000001" in response.read().decode()}


pages = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 3})
waiter = ec2.get_waiter("instance_running")
waiter.wait(InstanceIds=["i-00000000000000000"], WaiterConfig={"Delay": 1, "MaxAttempts": 2})
described = ec2.describe_instances(InstanceIds=["i-00000000000000000"])["Reservations"][0]["Instances"][0]

print(
    json.dumps(
        {
            "pages": [len(page["Reservations"]) for page in pages],
            "interfaces": described["NetworkInterfaces"],
            "tags": described["Tags"],
            "launchTime": described["LaunchTime"].isoformat(),
            "keyPairs": ec2.describe_key_pairs()["KeyPairs"],
            "fingerprint": ec2.import_key_pair(KeyName="k", PublicKeyMaterial=b"ssh-rsa AAAA")["KeyFingerprint"],
            "consoleOutput": ec2.get_console_output(InstanceId="i-00000000000000000")["Output"],
            "notFound": failure(lambda: ec2.describe_instances(InstanceIds=["i-9"])),
            "unsupported": failure(lambda: ec2.describe_hosts()),
            "presigned": presigned(),
            "identity": sts.get_caller_identity()["Account"],
        }
    )
)
