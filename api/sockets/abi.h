// The binary interface of Linux's SCTP sockets, as lksctp's <netinet/sctp.h> has it.
#pragma once

#include <cstdint>  // before the kernel's header, which takes it for granted

#include <linux/sctp.h>
