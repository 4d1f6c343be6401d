"""Every Python that the tests start, notebook kernels too, begins here: the folder is on its path."""

import offline_guard

offline_guard.block()
