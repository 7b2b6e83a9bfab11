// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is drawn of what was seen.

use cofferdam_simulator::Flight;

use crate::chart::{Bars, Chart, DrawError, Series};
use crate::page::Page;

const TIME: &str = "s";

/// The outputs `ids` over the scenario's time.
fn outputs(flight: &Flight, ids: &[(usize, &str)]) -> Vec<Series> {
    let begun = flight.begun.unwrap_or_default();
    let length = flight.recording.rows().len();
    let during = || flight.ticks.iter().skip_while(move |tick| tick.tick < begun).take(length);
    ids.iter()
        .map(|(id, name)| {
            let points = during().filter_map(|tick| {
                let value = tick.outputs.get(*id)?.value;
                Some(((tick.tick - begun) as f64 / 1e3, value))
            });
            Series::new(*name, points)
        })
        .collect()
}

fn over_time(flight: &Flight, columns: &[(&str, &str)]) -> Vec<Series> {
    columns.iter().map(|(column, name)| Series::new(*name, flight.recording.column(column))).collect()
}

/// One column against another.
fn place(flight: &Flight, name: &str, across: &str, up: &str) -> Series {
    let values = |column| flight.recording.column(column).map(|(_, value)| value);
    Series::new(name, values(across).zip(values(up)))
}

/// A quadrotor's way, attitude and motors.
///
/// # Errors
/// [`DrawError`].
pub fn flight(page: &mut Page, flight: &Flight) -> Result<(), DrawError> {
    page.heading(format!("{}: {}", flight.scenario.name, flight.scenario.about));
    page.measures(&flight.scenario.judge(&flight.recording));
    let charts = [
        (
            "flight",
            Chart {
                title: "Take-off, gust, way, landing".into(),
                x: TIME,
                y: "m",
                series: over_time(flight, &[("z m", "height"), ("x m", "x"), ("y m", "y")]),
            },
        ),
        (
            "flight-above",
            Chart {
                title: "From above".into(),
                x: "x, m",
                y: "y, m",
                series: vec![place(flight, "way", "x m", "y m")],
            },
        ),
        (
            "flight-attitude",
            Chart {
                title: "Attitude".into(),
                x: TIME,
                y: "rad",
                series: over_time(
                    flight,
                    &[("roll rad", "roll"), ("pitch rad", "pitch"), ("heading rad", "heading")],
                ),
            },
        ),
        (
            "flight-outputs",
            Chart {
                title: "What actuator_guard lets the motors do".into(),
                x: TIME,
                y: "of full",
                series: outputs(flight, &[(0, "motor-0"), (1, "motor-1"), (2, "motor-2"), (3, "motor-3")]),
            },
        ),
    ];
    for (name, chart) in charts {
        page.picture(name, chart.to_svg()?);
    }
    Ok(())
}

/// How late activations began. `counts`: bar *n* is of those below 2ⁿ µs that are in no bar before.
///
/// # Errors
/// [`DrawError`].
pub fn jitter(page: &mut Page, app: &str, counts: &[u64]) -> Result<(), DrawError> {
    let used = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    let label = |bits: usize| format!("< {} µs", 1u64.checked_shl(bits as u32).unwrap_or(u64::MAX));
    let bars = counts.iter().take(used).enumerate().map(|(bits, count)| (label(bits), *count)).collect();
    let bars = Bars { title: format!("{app}: how late activations began"), x: "of the device's time", bars };
    page.picture(format!("jitter-{app}"), bars.to_svg()?);
    Ok(())
}

/// A stop with abs and the same without.
pub struct Stop<'a> {
    /// The scenario's name.
    pub road: &'a str,
    /// With abs.
    pub with: &'a Flight,
    /// The driver's demand alone.
    pub without: &'a Flight,
}

/// A car's stops on several roads.
///
/// # Errors
/// [`DrawError`].
pub fn stops(page: &mut Page, stops: &[Stop<'_>]) -> Result<(), DrawError> {
    let mut ways = Vec::new();
    for Stop { road, with, without } in stops {
        page.heading(format!("{road}: {}", with.scenario.about));
        page.text("With abs:");
        page.measures(&with.scenario.judge(&with.recording));
        page.text("Without, for comparison; bounds are those of abs:");
        page.measures(&without.scenario.judge(&without.recording));
        let wheels =
            [("speed m/s", "car"), ("wheel-0 m/s", "front left wheel"), ("wheel-3 m/s", "rear right wheel")];
        let speeds = Chart {
            title: format!("{road}: wheels with abs"),
            x: TIME,
            y: "m/s",
            series: over_time(with, &wheels),
        };
        page.picture(format!("brake-{road}-with"), speeds.to_svg()?);
        let speeds = Chart {
            title: format!("{road}: wheels without"),
            x: TIME,
            y: "m/s",
            series: over_time(without, &wheels),
        };
        page.picture(format!("brake-{road}-without"), speeds.to_svg()?);
        let valves = Chart {
            title: format!("{road}: what actuator_guard lets abs do"),
            x: TIME,
            y: "of full",
            series: outputs(with, &[(4, "brake"), (5, "release, front left"), (8, "release, rear right")]),
        };
        page.picture(format!("brake-{road}-outputs"), valves.to_svg()?);
        ways.push(place(with, &format!("{road}, abs"), "x m", "y m"));
        ways.push(place(without, &format!("{road}, without"), "x m", "y m"));
    }
    let ways = Chart { title: "Braking and steering to the left".into(), x: "x, m", y: "y, m", series: ways };
    page.picture("brake", ways.to_svg()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use cofferdam_device_protocol::ACTUATOR_COUNT;
    use cofferdam_device_protocol::actuator::Output;
    use cofferdam_plant_protocol::Outputs;
    use cofferdam_plants::Scenario;
    use cofferdam_simulator::{Begin, Setup, World};

    use super::*;

    fn seen(plant: &str, ticks: u64) -> Flight {
        let scenario = Scenario::find(plant, None).unwrap();
        let mut world = World::new(Setup { scenario, seed: 1, begin: Begin::AtOnce });
        let outputs = [Output { value: 0.6, holder: Some(0) }; ACTUATOR_COUNT];
        for tick in 0..ticks {
            world.tick(&Outputs { tick, late: 0, outputs });
        }
        world.into_flight()
    }

    #[test]
    fn a_flight_and_stops_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let mut page = Page::new("test");
        flight(&mut page, &seen("quad", 2_000)).unwrap();
        jitter(&mut page, "hover", &[5, 3, 0, 1, 0, 0]).unwrap();
        let car = seen("car", 2_000);
        stops(&mut page, &[Stop { road: "dry", with: &car, without: &car }]).unwrap();
        page.write(folder.path(), "all").unwrap();
        for name in [
            "flight",
            "flight-above",
            "flight-attitude",
            "flight-outputs",
            "jitter-hover",
            "brake",
            "brake-dry-with",
        ] {
            let svg = std::fs::read_to_string(folder.path().join(format!("{name}.svg"))).unwrap();
            assert!(svg.contains("<svg"), "{name}");
        }
        let svg = std::fs::read_to_string(folder.path().join("jitter-hover.svg")).unwrap();
        assert!(svg.contains("8 µs") && !svg.contains("16 µs"), "{svg}");
    }
}
