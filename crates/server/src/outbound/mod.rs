//! Calls that leave the gateway, and what they are signed with.
