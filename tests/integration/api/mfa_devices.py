"""IAM users with MFA devices at the stand-in, whose codes are known here."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.demo.sandbox.calls.mfa import STEP_S, code_at
from tests.servers.sandbox import Sandbox

USER = "ben-lindqvist"


@dataclass
class Devices:
    """MFA devices by person. A code counts once, and up to a step before or after its time."""

    users: Mapping[str, Mapping[str, str]]
    last: dict[str, int] = field(default_factory=dict)

    def code(self, who: str) -> str:
        now = int(time.time()) // STEP_S
        step = max(now - 1, self.last.get(who, 0) + 1)
        while step > int(time.time()) // STEP_S + 1:
            time.sleep(0.5)
        self.last[who] = step
        return code_at(self.users[who]["mfa_seed"], step)


def make_devices(aws: Sandbox) -> Devices:
    """Give Ben an IAM user as Chidi has one."""
    chidi = aws.estate["mfa_users"][0]
    iam = aws.root("iam", chidi["account_id"])
    iam.create_user(UserName=USER, Path="/sallyport/")
    rights = iam.get_user_policy(UserName=chidi["user_name"], PolicyName="Rights")["PolicyDocument"]
    iam.put_user_policy(UserName=USER, PolicyName="Rights", PolicyDocument=json.dumps(rights))
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
    step = int(time.time()) // STEP_S
    codes = {f"AuthenticationCode{n}": code_at(seed, step - 4 + n) for n in (1, 2)}
    iam.enable_mfa_device(UserName=USER, SerialNumber=serial, **codes)
    ben = {
        "account_id": chidi["account_id"],
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
        "mfa_serial": serial,
        "mfa_seed": seed,
    }
    return Devices({"chidi": chidi, "ben": ben})
