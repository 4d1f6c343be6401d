"""Every Python that the tests start (kernels too) has this folder on its path, begins here."""

import offline_guard

offline_guard.block()
