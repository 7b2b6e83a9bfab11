// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;
use proptest::prelude::*;

fn orders() -> Orders {
    let mut orders = Orders {
        generation: 0x0102_0304_0506_0708,
        command: Command::Run,
        shape: Shape::Reactor,
        name: AppName::new("downhill"),
        module_length_bytes: 0x1234,
        period_us: 10_000,
        deadline_us: 8_000,
        random_seed: 42,
        sensors: 0b101,
        record: true,
        ..Orders::idle(0)
    };
    orders.actuators[4] = Some(ActuatorGrant { minimum: 0.0, maximum: 1.0 });
    let name = TopicName::new(b"pose").unwrap();
    orders.topics[1] = Some(TopicGrant { name, publish: true, receive: false });
    orders.arguments.push(&["10000"]).unwrap();
    orders.environment.push(&["MODE", "=", "fast"]).unwrap();
    orders
}

#[test]
fn layout_is_pinned() {
    let layout = orders().layout();
    let bytes = layout.as_bytes();
    assert_eq!(&bytes[..8], b"CFOR\x04\0\0\0");
    assert_eq!(&bytes[8..16], &[8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(&bytes[16..32], &[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0x34, 0x12, 0, 0]);
    assert_eq!(&bytes[32..42], b"downhill\0\0");
    assert_eq!(&bytes[64..72], &10_000u64.to_le_bytes());
    assert_eq!(&bytes[72..80], &8_000u64.to_le_bytes());
    assert_eq!(&bytes[88..96], &5u64.to_le_bytes());
    let brake = 160 + 4 * 24;
    assert_eq!(&bytes[brake..brake + 8], &1u64.to_le_bytes());
    assert_eq!(&bytes[brake + 16..brake + 24], &1.0f64.to_bits().to_le_bytes());
    assert_eq!(&bytes[544..560], &[6, 0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(&bytes[560..567], b"10000\0\0");
    assert_eq!(&bytes[1584..1595], b"MODE=fast\0\0");
    let pose = 2608 + 40;
    assert_eq!(&bytes[pose..pose + 8], b"pose\0\0\0\0");
    assert_eq!(&bytes[pose + 32..pose + 40], &[1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&bytes[ORDERS_BYTES - 8..], &[1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes.len(), ORDERS_BYTES);
    assert_eq!(orders().to_bytes(), bytes);
    assert_eq!(Orders::from_bytes(bytes), Ok(orders()));
    assert_eq!(Orders::from_bytes(&bytes[1..]), Err(OrdersError::Length(ORDERS_BYTES - 1)));
}

#[test]
fn orders_come_back_as_written() {
    let region = SharedRegion::leaked(4096);
    assert!(read_orders(region).unwrap_err().is_unwritten());
    write_orders(region, &orders()).unwrap();
    assert_eq!(read_orders(region), Ok(orders()));
    write_orders(region, &Orders::idle(9)).unwrap();
    assert_eq!(read_orders(region).unwrap().command, Command::Idle);
}

#[test]
fn permissions_are_looked_up_without_overflow() {
    let orders = orders();
    assert!(orders.permits_sensor(2) && !orders.permits_sensor(1) && !orders.permits_sensor(64));
    assert!(orders.actuator(4).is_some() && orders.actuator(u32::MAX).is_none());
    assert!(
        orders.topic(b"pose").is_some_and(|(place, grant)| place == 1 && grant.publish && !grant.receive)
    );
    assert!(
        orders.topic(b"pos").is_none() && orders.topic(b"").is_none() && orders.topic(&[b'a'; 99]).is_none()
    );
}

#[test]
fn nonsense_is_refused() {
    let refuse = |change: fn(&mut OrdersLayout)| {
        let mut layout = orders().layout();
        change(&mut layout);
        Orders::from_layout(&layout).unwrap_err()
    };
    assert_eq!(refuse(|o| o.version = 1), OrdersError::Version(1));
    assert_eq!(refuse(|o| o.command = 0), OrdersError::Command(0));
    assert_eq!(refuse(|o| o.shape = 3), OrdersError::Shape(3));
    assert_eq!(refuse(|o| o.period_us = 0), OrdersError::Period(0));
    assert_eq!(refuse(|o| o.deadline_us = 10_001), OrdersError::Deadline(10_001));
    assert_eq!(refuse(|o| o.module_length_bytes = u32::MAX), OrdersError::ModuleLength(u32::MAX));
    assert_eq!(refuse(|o| o.actuators[4].minimum_bits = f64::NAN.to_bits()), OrdersError::Actuator(4));
    assert_eq!(refuse(|o| o.arguments_length = 1025), OrdersError::Arguments);
    assert_eq!(refuse(|o| o.environment_count = 2), OrdersError::Environment);
    assert_eq!(refuse(|o| o.topics[1].publish = 2), OrdersError::Topic(1));
    assert_eq!(refuse(|o| o.topics[1].publish = 0), OrdersError::Topic(1));
    assert_eq!(refuse(|o| o.topics[1].name = [0; 32]), OrdersError::Topic(1));
    assert!(matches!(refuse(|o| o.memory_pages = 1 << 16), OrdersError::Limit(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_orders_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), ORDERS_BYTES)) {
        bytes[..8].copy_from_slice(b"CFOR\x04\0\0\0");
        let layout = OrdersLayout::read_from_bytes(&bytes).unwrap();
        let _ = Orders::from_layout(&layout);
    }
}
