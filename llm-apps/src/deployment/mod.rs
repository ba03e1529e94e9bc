//! Deployments: what scales. A deployment is its replicas behind one queue and one autoscaler.

pub mod autoscaling;
