-- SPDX-License-Identifier: GPL-2.0-only
-- This platform has no registers that need generated accessors.

base 64
