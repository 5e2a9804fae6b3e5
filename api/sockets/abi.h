// The binary interface of Linux's SCTP sockets, and what we have beyond it.
#pragma once

#include "api/millrace/sctp.h"
