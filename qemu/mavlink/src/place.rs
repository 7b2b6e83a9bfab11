// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Latitude and longitude of what is near home, as if the ground were flat there.

use glam::DVec3;

/// Half axis of the WGS 84 ellipsoid, m, and its eccentricity squared.
const EQUATOR_M: f64 = 6_378_137.0;
const ECCENTRICITY_2: f64 = 6.694_379_990_14e-3;
/// How many parts of a degree MAVLink counts.
const PER_DEGREE: f64 = 1e7;
/// Nearer to a pole there is no east.
const LATITUDE_MAX_DEG: f64 = 89.0;

/// Where the vehicle was switched on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Home {
    /// Degrees, to the north; from -89 to 89.
    pub latitude_deg: f64,
    /// Degrees, to the east; from -180 to 180.
    pub longitude_deg: f64,
    /// Above the sea, m.
    pub altitude_m: f64,
    /// Where it pointed, rad clockwise from north.
    pub heading: f64,
}

/// A place as MAVLink says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// Latitude, 1e-7 degrees.
    pub lat: i32,
    /// Longitude, 1e-7 degrees.
    pub lon: i32,
    /// Above the sea, mm.
    pub alt: i32,
}

impl Home {
    /// A home there is: not at a pole, and with numbers.
    pub fn new(latitude_deg: f64, longitude_deg: f64, altitude_m: f64, heading: f64) -> Option<Self> {
        let fits = (-LATITUDE_MAX_DEG..=LATITUDE_MAX_DEG).contains(&latitude_deg)
            && (-180.0..=180.0).contains(&longitude_deg)
            && (-1_000.0..=10_000.0).contains(&altitude_m)
            && heading.is_finite();
        fits.then_some(Self { latitude_deg, longitude_deg, altitude_m, heading })
    }

    /// The home whose place a message says.
    pub fn at(place: Scaled, heading: f64) -> Option<Self> {
        let [lat, lon] = [place.lat, place.lon].map(|scaled| f64::from(scaled) / PER_DEGREE);
        Self::new(lat, lon, f64::from(place.alt) / 1e3, heading)
    }

    /// Metres for a degree to the north, and to the east.
    fn metres_per_degree(&self) -> [f64; 2] {
        let (sin, cos) = self.latitude_deg.to_radians().sin_cos();
        let shrunk = 1.0 - ECCENTRICITY_2 * sin * sin;
        let across = EQUATOR_M / shrunk.sqrt();
        let along = across * (1.0 - ECCENTRICITY_2) / shrunk;
        [along.to_radians(), across.to_radians() * cos]
    }

    /// The place that is `ned` away from here, m.
    pub fn place(&self, ned: DVec3) -> Scaled {
        let [north, east] = self.metres_per_degree();
        let degrees = |of: f64, way: f64, metres: f64| ((of + way / metres) * PER_DEGREE).round() as i32;
        Scaled {
            lat: degrees(self.latitude_deg, ned.x, north),
            lon: degrees(self.longitude_deg, ned.y, east),
            alt: ((self.altitude_m - ned.z) * 1e3).round() as i32,
        }
    }

    /// How far away a place is, m to the north, to the east and down.
    pub fn away(&self, place: Scaled) -> DVec3 {
        let [north, east] = self.metres_per_degree();
        let degrees = |scaled: i32, from: f64| f64::from(scaled) / PER_DEGREE - from;
        DVec3::new(
            degrees(place.lat, self.latitude_deg) * north,
            degrees(place.lon, self.longitude_deg) * east,
            self.altitude_m - f64::from(place.alt) / 1e3,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lengths of a degree at 45° as the ellipsoid's tables have them.
    #[test]
    fn a_degree_is_as_long_as_it_is() {
        let [north, east] = Home::new(45.0, 0.0, 0.0, 0.0).unwrap().metres_per_degree();
        assert!((north - 111_131.8).abs() < 1.0 && (east - 78_846.8).abs() < 1.0, "{north} {east}");
    }

    #[test]
    fn there_is_no_home_at_a_pole() {
        for (lat, lon, alt, heading) in
            [(89.9, 0.0, 0.0, 0.0), (0.0, 181.0, 0.0, 0.0), (0.0, 0.0, 1e5, 0.0), (f64::NAN, 0.0, 0.0, 0.0)]
        {
            assert_eq!(Home::new(lat, lon, alt, heading), None);
        }
        assert!(Home::at(Scaled { lat: i32::MIN, lon: i32::MAX, alt: 0 }, 0.0).is_none());
    }

    proptest! {
        /// To half a step: about 6 mm, and half a millimetre in height.
        #[test]
        fn a_place_comes_back(
            lat in -80.0..80.0, lon in -179.0..179.0, x in -5e3..5e3, y in -5e3..5e3, z in -500.0..500.0,
        ) {
            let home = Home::new(lat, lon, 100.0, 0.0).unwrap();
            let ned = DVec3::new(x, y, z);
            let off = (home.away(home.place(ned)) - ned).abs();
            prop_assert!(off.x < 0.006 && off.y < 0.006 && off.z < 0.000_6, "{}", off);
        }
    }
}
