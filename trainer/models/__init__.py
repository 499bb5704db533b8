"""Networks and what they are made of.

`trainer.models.blocks` has the convolutions and the block builder, `trainer.models.documents`
the documents' two networks.
Nothing is imported here, so that each network costs only its own import.
"""
