//! The colder tiers' bookkeeping against a model of what memory and disk hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::tiers::{BlockMove, Colder, TierIndex};
use crate::batch::BlockId;
use crate::kv_cache::BlockHash;

fn hash(name: u8) -> BlockHash {
    BlockHash::from_bytes([name; 16])
}

/// Memory and disk as the moves make them: the name of what each place holds.
#[derive(Default)]
struct World {
    slots: BTreeMap<usize, BlockHash>,
    files: Vec<BlockHash>,
    coming: Vec<(BlockHash, usize)>,
    /// What was evicted from the pool into which block, in this step.
    pool: BTreeMap<u32, BlockHash>,
}

impl World {
    /// Makes the moves; each must find what it is about.
    fn make(&mut self, moves: &[BlockMove]) {
        for &step in moves {
            match step {
                BlockMove::Save { block, slot } => {
                    self.slots.insert(slot.0, self.pool[&block.0]);
                }
                BlockMove::Restore { slot, block } => {
                    assert_eq!(self.slots[&slot.0], self.pool[&block.0]);
                }
                BlockMove::Spill { slot, hash } => {
                    assert_eq!(self.slots[&slot.0], hash);
                    self.files.push(hash);
                }
                BlockMove::Fetch { hash, slot } => {
                    assert!(self.files.contains(&hash));
                    self.slots.remove(&slot.0);
                    self.coming.push((hash, slot.0));
                }
                BlockMove::Delete { hash } => self.files.retain(|file| *file != hash),
            }
        }
        self.pool.clear();
    }
}

#[derive(Debug, Clone)]
enum Event {
    Evict(u8),
    Restore(u8),
    Fetch(u8),
    Arrive { whole: bool },
    Step,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..12_u8).prop_map(Event::Evict),
        2 => (0..12_u8).prop_map(Event::Restore),
        2 => (0..12_u8).prop_map(Event::Fetch),
        2 => any::<bool>().prop_map(|whole| Event::Arrive { whole }),
        3 => Just(Event::Step),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn moves_never_touch_what_they_are_not_about(
        num_slots in 2..6_usize,
        max_files in 0..6_usize,
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut index = TierIndex::new(num_slots, max_files, []);
        let mut world = World::default();
        let mut next_block = 0;
        for event in events {
            next_block += 1;
            let block = BlockId(next_block);
            match event {
                Event::Evict(name) => {
                    world.pool.insert(next_block, hash(name));
                    index.save(block, hash(name));
                }
                Event::Restore(name) => {
                    let there = index.find(&hash(name)) == Some(Colder::Memory);
                    prop_assert_eq!(index.restore(&hash(name), block), there);
                    world.pool.insert(next_block, hash(name));
                }
                Event::Fetch(name) => {
                    if index.find(&hash(name)) == Some(Colder::Disk) {
                        index.fetch(hash(name));
                    }
                }
                Event::Arrive { whole } => {
                    if let Some((name, slot)) = world.coming.pop() {
                        if whole {
                            world.slots.insert(slot, name);
                        } else {
                            world.files.retain(|file| *file != name);
                        }
                        index.arrived(name, whole);
                    }
                }
                Event::Step => world.make(&index.take_moves()),
            }
            let stats = index.stats();
            prop_assert!(stats.memory_blocks + world.coming.len() <= num_slots);
            prop_assert!(stats.disk_blocks <= max_files);
        }
        world.make(&index.take_moves());
        for name in 0..12 {
            match index.find(&hash(name)) {
                Some(Colder::Memory) => prop_assert!(world.slots.values().any(|h| *h == hash(name))),
                Some(Colder::Disk) => prop_assert!(world.files.contains(&hash(name))),
                Some(Colder::Coming) => {
                    prop_assert!(world.coming.iter().any(|(h, _)| *h == hash(name)));
                }
                None => {}
            }
        }
        index.spill_all();
        world.make(&index.take_moves());
        prop_assert!(world.files.len() <= max_files);
    }
}

#[test]
fn what_is_unused_for_longest_goes_to_disk_and_is_then_forgotten() {
    let mut index = TierIndex::new(2, 2, []);
    for name in 0..5 {
        index.save(BlockId(0), hash(name));
        index.take_moves();
    }
    let places = [0, 1, 2, 3, 4].map(|name| index.find(&hash(name)));
    let (memory, disk) = (Some(Colder::Memory), Some(Colder::Disk));
    assert_eq!(places, [None, disk, disk, memory, memory]);
}
