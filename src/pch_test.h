// What every test includes beside pch.h, compiled once.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
