/// Bodies of the LOD look-ups of merged.cuh.
#pragma once
