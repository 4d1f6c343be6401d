"""Every Python that the tests start (notebook kernels too) has this folder on its path and begins here."""

import offline_guard

offline_guard.block()
