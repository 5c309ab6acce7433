/// Body of `staging::emit`.
#pragma once
