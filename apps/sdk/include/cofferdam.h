/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * What an app in C can call, and what it has to define. `apps/sdk/tests/c_header.rs` holds this file to the ABI crate
 * (wasm-manager/host-abi) and to the device tables (drivers/device-protocol).
 *
 * A result below zero is one of enum cofferdam_error; zero or more is success. Times are microseconds of the device's clock.
 * Sensors, actuators and topics have to stand in cofferdam.toml. A reactor needs no C library:
 *
 *   clang --target=wasm32 -mcpu=mvp -O2 -ffreestanding -nostdlib -I apps/sdk/include app.c -o app.wasm
 *         -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--stack-first
 */
#ifndef COFFERDAM_H
#define COFFERDAM_H

#include <stddef.h>
#include <stdint.h>

#define COFFERDAM_IMPORT(name) __attribute__((import_module("cofferdam"), import_name(#name)))
#define COFFERDAM_EXPORT(name) __attribute__((export_name(#name)))

enum cofferdam_error {
    COFFERDAM_UNDEFINED_DEVICE = -1,
    COFFERDAM_NOT_PERMITTED = -2,
    COFFERDAM_OUT_OF_RANGE = -3,
    COFFERDAM_BAD_POINTER = -4,
    COFFERDAM_BAD_LENGTH = -5,
    COFFERDAM_NO_LEASE = -6,
    COFFERDAM_ALREADY_IN_USE = -7,
    COFFERDAM_NOT_SUPPORTED = -8,
    COFFERDAM_NOT_READY = -9,
    COFFERDAM_RATE_LIMITED = -10,
    COFFERDAM_BAD_ARGUMENT = -11,
    COFFERDAM_DEVICE_FAILURE = -12,
    COFFERDAM_INTERLOCKED = -13,
};

enum cofferdam_sensor {
    COFFERDAM_SENSOR_IMU = 0,         /* m/s2 along x (forward), y (left), z (up); rad/s about them */
    COFFERDAM_SENSOR_BAROMETER = 1,   /* Pa, degrees Celsius */
    COFFERDAM_SENSOR_WHEEL_SPEED = 2, /* m/s: front left, front right, rear left, rear right */
    COFFERDAM_SENSOR_BATTERY = 3,     /* V, A, part of full */
    COFFERDAM_SENSOR_POSITION = 4,    /* m in x, y, z of the world; m/s along them */
    COFFERDAM_SENSOR_DRIVER = 5,      /* brake and accelerator, 0 to 1; steering, rad; set speed, m/s */
};

enum cofferdam_actuator { /* each from 0 to 1 */
    COFFERDAM_ACTUATOR_MOTOR_0 = 0,
    COFFERDAM_ACTUATOR_MOTOR_1 = 1,
    COFFERDAM_ACTUATOR_MOTOR_2 = 2,
    COFFERDAM_ACTUATOR_MOTOR_3 = 3,
    COFFERDAM_ACTUATOR_BRAKE = 4,
    COFFERDAM_ACTUATOR_BRAKE_RELEASE_0 = 5,
    COFFERDAM_ACTUATOR_BRAKE_RELEASE_1 = 6,
    COFFERDAM_ACTUATOR_BRAKE_RELEASE_2 = 7,
    COFFERDAM_ACTUATOR_BRAKE_RELEASE_3 = 8,
};

enum cofferdam_level {
    COFFERDAM_LEVEL_ERROR = 1,
    COFFERDAM_LEVEL_WARN = 2,
    COFFERDAM_LEVEL_INFO = 3,
    COFFERDAM_LEVEL_DEBUG = 4,
    COFFERDAM_LEVEL_TRACE = 5,
};

#define COFFERDAM_READING_VALUES_MAX 8
#define COFFERDAM_MESSAGE_BYTES_MAX 128

/* What cofferdam_sensor_read writes: as many values as it answers. */
struct cofferdam_reading {
    uint64_t time_us;
    double values[COFFERDAM_READING_VALUES_MAX];
};

/* What cofferdam_sensor_info writes. */
struct cofferdam_sensor_info {
    uint32_t values;
    uint32_t period_us;
};

/* What cofferdam_receive writes: as many bytes as it answers. */
struct cofferdam_message {
    uint64_t time_us;
    uint64_t sequence;
    uint8_t bytes[COFFERDAM_MESSAGE_BYTES_MAX];
};

/* The last sample; answers how many values it has. */
COFFERDAM_IMPORT(sensor_read)
int32_t cofferdam_sensor_read(int32_t sensor, struct cofferdam_reading *reading, size_t capacity_bytes);

/* What a sensor delivers; answers how many bytes were written. */
COFFERDAM_IMPORT(sensor_info)
int32_t cofferdam_sensor_info(int32_t sensor, struct cofferdam_sensor_info *info, size_t capacity_bytes);

/* Takes or renews the lease of an actuator for duration_us from now; answers when it runs out. */
COFFERDAM_IMPORT(lease_acquire)
int64_t cofferdam_lease_acquire(int32_t actuator, int64_t duration_us);

/* Moves an actuator whose lease is held. */
COFFERDAM_IMPORT(actuator_write)
int32_t cofferdam_actuator_write(int32_t actuator, double value);

/* Gives a lease back: the actuator goes to its safe state. */
COFFERDAM_IMPORT(lease_release)
int32_t cofferdam_lease_release(int32_t actuator);

/* The time. */
COFFERDAM_IMPORT(now_us)
int64_t cofferdam_now_us(void);

/* When this activation should be over. */
COFFERDAM_IMPORT(deadline_us)
int64_t cofferdam_deadline_us(void);

/* Fuel left in this activation. */
COFFERDAM_IMPORT(fuel_left)
int64_t cofferdam_fuel_left(void);

/* One line, without its end. */
COFFERDAM_IMPORT(log)
int32_t cofferdam_log(int32_t level, const char *text, size_t length_bytes);

/* Makes these bytes the latest message of a topic. */
COFFERDAM_IMPORT(publish)
int32_t cofferdam_publish(const char *topic, size_t topic_bytes, const void *data, size_t data_bytes);

/* The latest message of a topic; answers how many bytes it has. */
COFFERDAM_IMPORT(receive)
int32_t cofferdam_receive(const char *topic, size_t topic_bytes, struct cofferdam_message *message, size_t capacity_bytes);

/* What a reactor defines: called once before the first tick, */
COFFERDAM_EXPORT(cofferdam_init)
void cofferdam_init(void);

/* and once a period, with the time of release. */
COFFERDAM_EXPORT(cofferdam_tick)
void cofferdam_tick(int64_t now_us);

#endif
