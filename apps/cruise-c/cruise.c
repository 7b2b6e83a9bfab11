/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Holds the speed that the driver has set, as apps/cruise does, in C: 100 times a second it reads wheels and pedals, and sets
 * four motors and the brake. The same inputs give the same outputs as there, bit for bit.
 */
#include <stdbool.h>

#include "cofferdam.h"

#define PERIOD_US 10000
/* A step of time that is longer was no tick of ours: it stood still in between. */
#define STEP_MAX_US (10 * PERIOD_US)
/* How long outputs stay as they are when this app says nothing more. */
#define LEASE_US 200000

/* Demand for each m/s too slow; for each and second. */
#define PROPORTIONAL 0.25
#define INTEGRAL 0.06
/* Most of the motors and of the brake that it uses. */
#define DRIVE_MAX 0.8
#define BRAKE_MAX 0.4
/* What it has to want before it brakes: it coasts in between. */
#define COASTS_TO 0.05
/* It holds no speed below this, m/s. */
#define SPEED_MIN 3.0
/* From this demand on the driver brakes, and that ends it. */
#define DRIVER_BRAKES_FROM 0.02

#define OUTPUTS 5
static const int32_t outputs[OUTPUTS] = {
    COFFERDAM_ACTUATOR_MOTOR_0, COFFERDAM_ACTUATOR_MOTOR_1, COFFERDAM_ACTUATOR_MOTOR_2,
    COFFERDAM_ACTUATOR_MOTOR_3, COFFERDAM_ACTUATOR_BRAKE,
};

static double integral;
/* The driver braked at this set speed: nothing is held until another one is set. */
static bool ended;
static double ended_at;
static int64_t until_us[OUTPUTS]; /* zero: no lease */
static int64_t last_us;           /* zero: there was no tick yet */
static bool failing;

static bool finite(double value) { return value - value == 0.0; }

static double clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

struct commands {
    double drive, brake;
};

static struct commands control(double speed, double brake, double accelerator, double set_speed, double step_s) {
    if (!finite(speed) || !finite(brake) || !finite(accelerator) || !finite(set_speed)) {
        integral = 0.0;
        return (struct commands){0.0, 0.0};
    }
    if (brake >= DRIVER_BRAKES_FROM) {
        ended = true;
        ended_at = set_speed;
    } else if (ended && ended_at != set_speed) {
        ended = false;
    }
    struct commands driver = {clamp(accelerator, 0.0, 1.0), clamp(brake, 0.0, 1.0)};
    if (set_speed < SPEED_MIN || (ended && ended_at == set_speed)) {
        integral = 0.0;
        return driver;
    }
    double error = set_speed - speed;
    double wanted = PROPORTIONAL * error + integral;
    bool at_end = (wanted > DRIVE_MAX && error > 0.0) || (wanted < -BRAKE_MAX && error < 0.0);
    if (!at_end)
        integral += INTEGRAL * error * step_s;
    /* The driver may go faster for a while. */
    double drive = clamp(wanted, 0.0, DRIVE_MAX);
    struct commands commands = {
        drive > driver.drive ? drive : driver.drive,
        driver.drive > 0.0 ? 0.0 : clamp(-wanted - COASTS_TO, 0.0, BRAKE_MAX),
    };
    return commands;
}

/* Reads, thinks, writes; zero or an error code. */
static int32_t drive(int64_t now_us) {
    struct cofferdam_reading wheels, driver;
    int32_t count = cofferdam_sensor_read(COFFERDAM_SENSOR_WHEEL_SPEED, &wheels, sizeof wheels);
    if (count <= 0)
        return count < 0 ? count : COFFERDAM_NOT_READY;
    int32_t pedals = cofferdam_sensor_read(COFFERDAM_SENSOR_DRIVER, &driver, sizeof driver);
    if (pedals < 4)
        return pedals < 0 ? pedals : COFFERDAM_NOT_READY;
    double sum = 0.0;
    for (int32_t wheel = 0; wheel < count; wheel++)
        sum += wheels.values[wheel];
    int64_t since_us = last_us == 0 ? PERIOD_US : now_us - last_us;
    last_us = now_us;
    double step_s = (double)(since_us < STEP_MAX_US ? since_us : STEP_MAX_US) / 1e6;
    struct commands commands =
        control(sum / count, driver.values[0], driver.values[1], driver.values[3], step_s);
    for (int output = 0; output < OUTPUTS; output++) {
        /* Renewed at half its time: ten missed ticks do not lose it. */
        if (until_us[output] == 0 || now_us + LEASE_US / 2 >= until_us[output]) {
            int64_t until = cofferdam_lease_acquire(outputs[output], LEASE_US);
            if (until < 0)
                return (int32_t)until;
            until_us[output] = until;
        }
        double value = outputs[output] == COFFERDAM_ACTUATOR_BRAKE ? commands.brake : commands.drive;
        int32_t result = cofferdam_actuator_write(outputs[output], value);
        if (result < 0) {
            until_us[output] = 0; /* it may be gone */
            return result;
        }
    }
    return 0;
}

void cofferdam_init(void) {}

void cofferdam_tick(int64_t now_us) {
    static const char cannot[] = "cannot drive", drives[] = "drives";
    bool failed = drive(now_us) < 0;
    if (failed && !failing)
        cofferdam_log(COFFERDAM_LEVEL_WARN, cannot, sizeof cannot - 1);
    if (!failed && failing)
        cofferdam_log(COFFERDAM_LEVEL_INFO, drives, sizeof drives - 1);
    failing = failed;
}
