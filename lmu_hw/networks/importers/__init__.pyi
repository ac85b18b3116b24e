from .keras_layers import import_keras as import_keras
from .mapping import StateDictMap as StateDictMap
from .mapping import read_mapping as read_mapping
from .state_dict import NamedCell as NamedCell
from .state_dict import import_state_dict as import_state_dict

__all__ = ["NamedCell", "StateDictMap", "import_keras", "import_state_dict", "read_mapping"]
