"""External key stores for a world: one proxy behind all of them, one key store that stays connected, others on demand."""

from functools import cached_property

from .identities import unique
from .key_stores import Authority, Proxy, connect, disconnect, external_key_store, proxy_table

HOST = "proxy.example.com"


class Stores:
    def __init__(self, folder):
        authority = Authority(folder, "authority")
        self.proxy = Proxy(*authority.issue("proxy", HOST))
        self.configuration = folder / "reseal.toml"
        table = proxy_table(HOST, self.proxy.port, authority.path, "timeout_milliseconds = 20000")
        self.configuration.write_text("threads = 1\n[quotas]\ncustom_key_stores = 1000\n" + table)
        self.kms = None

    @cached_property
    def connected(self):
        return self.new(connected=True)

    def parameters(self):
        return external_key_store(unique("store"), host=HOST)

    def new(self, connected=False):
        made = self.kms.create_custom_key_store(**self.parameters())["CustomKeyStoreId"]
        if connected:
            connect(self.kms, made)
        return made

    def external_key(self):
        """The name of a new key in the external key manager."""
        name = unique("key")
        self.proxy.key(name)
        return name

    def new_key(self, alone):
        """The ARN of a KMS key, and its key store; `alone` in one that nobody else uses."""
        store = self.new(connected=True) if alone else self.connected
        made = self.kms.create_key(
            Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=self.external_key()
        )
        return made["KeyMetadata"]["Arn"], store

    def cut_off(self, store):
        disconnect(self.kms, store)

    def close(self):
        self.proxy.stop()
