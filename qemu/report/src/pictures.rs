// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is drawn of what was seen.

use cofferdam_simulator::Flight;

use crate::chart::{Bars, Chart, DrawError, Moments, Series};
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

fn columns(flight: &Flight, names: &[(&str, &str)]) -> Vec<Series> {
    names.iter().map(|(column, name)| Series::new(*name, flight.recording.column(column))).collect()
}

/// One column against another.
fn place(flight: &Flight, name: &str, across: &str, up: &str) -> Series {
    let values = |column| flight.recording.column(column).map(|(_, value)| value);
    Series::new(name, values(across).zip(values(up)))
}

/// Where it was at these moments.
fn places(flight: &Flight, moments: &[Moments]) -> Vec<Series> {
    let of = |time_s: f64, column: &str| flight.recording.since(column, time_s).next();
    let at = |time_s: &f64| Some((of(*time_s, "x m")?, of(*time_s, "y m")?));
    moments.iter().map(|kind| Series::new(kind.name.as_str(), kind.at.iter().filter_map(at))).collect()
}

/// A quadrotor's way, attitude and motors, with what happened when, in s of the scenario's time. Pictures are called `name`, and
/// `name-above` and so on.
///
/// # Errors
/// [`DrawError`].
pub fn flight(
    page: &mut Page,
    name: &str,
    title: &str,
    flight: &Flight,
    moments: &[Moments],
) -> Result<(), DrawError> {
    let over_time = |title: &str, y, series| Chart {
        title: title.into(),
        x: TIME,
        y,
        series,
        moments: moments.to_vec(),
        ..Chart::default()
    };
    let way = [("z m", "height"), ("x m", "x"), ("y m", "y")];
    let attitude = [("roll rad", "roll"), ("pitch rad", "pitch"), ("heading rad", "heading")];
    let motors = [(0, "motor-0"), (1, "motor-1"), (2, "motor-2"), (3, "motor-3")];
    let above = Chart {
        title: "From above".into(),
        x: "x, m",
        y: "y, m",
        series: vec![place(flight, "way", "x m", "y m")],
        places: places(flight, moments),
        ..Chart::default()
    };
    let motors = over_time("What actuator_guard lets the motors do", "of full", outputs(flight, &motors));
    for (ending, chart) in [
        ("", over_time(title, "m", columns(flight, &way))),
        ("-above", above),
        ("-attitude", over_time("Attitude", "rad", columns(flight, &attitude))),
        ("-outputs", motors),
    ] {
        page.picture(format!("{name}{ending}"), chart.to_svg()?);
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
        page.measures(&with.judge());
        page.text("Without, for comparison; bounds are those of abs:");
        page.measures(&without.judge());
        let wheels =
            [("speed m/s", "car"), ("wheel-0 m/s", "front left wheel"), ("wheel-3 m/s", "rear right wheel")];
        let speeds = Chart {
            title: format!("{road}: wheels with abs"),
            x: TIME,
            y: "m/s",
            series: columns(with, &wheels),
            ..Chart::default()
        };
        page.picture(format!("brake-{road}-with"), speeds.to_svg()?);
        let speeds = Chart {
            title: format!("{road}: wheels without"),
            x: TIME,
            y: "m/s",
            series: columns(without, &wheels),
            ..Chart::default()
        };
        page.picture(format!("brake-{road}-without"), speeds.to_svg()?);
        let valves = Chart {
            title: format!("{road}: what actuator_guard lets abs do"),
            x: TIME,
            y: "of full",
            series: outputs(with, &[(4, "brake"), (5, "release, front left"), (8, "release, rear right")]),
            ..Chart::default()
        };
        page.picture(format!("brake-{road}-outputs"), valves.to_svg()?);
        ways.push(place(with, &format!("{road}, abs"), "x m", "y m"));
        ways.push(place(without, &format!("{road}, without"), "x m", "y m"));
    }
    let ways = Chart {
        title: "Braking and steering to the left".into(),
        x: "x, m",
        y: "y, m",
        series: ways,
        ..Chart::default()
    };
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
        let moments = [Moments { name: "swap".into(), at: vec![0.5, 1.5, 99.0] }];
        flight(&mut page, "flight", "Up", &seen("quad", 2_000), &moments).unwrap();
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
        let above = std::fs::read_to_string(folder.path().join("flight-above.svg")).unwrap();
        assert_eq!(above.matches("<circle").count(), 3, "two places that there are, and what they stand for");
        let svg = std::fs::read_to_string(folder.path().join("jitter-hover.svg")).unwrap();
        assert!(svg.contains("8 µs") && !svg.contains("16 µs"), "{svg}");
    }
}
