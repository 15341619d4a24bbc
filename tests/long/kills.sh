#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long form of tests/story/kill_flights.sh: 200 kills.
WEIR_TEST_KILLS=${WEIR_TEST_KILLS:-200} exec sh "$(dirname "$0")/../story/kill_flights.sh"
